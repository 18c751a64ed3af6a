/**
 * An order that stands still while somebody points at it, or moves in it by keys. What changed meanwhile waits; only
 * what a row says changes in its place.
 */
import type { TestKey, TestRow } from '../../model.js';
import type { Group } from './groups.js';

/** What waits, that is worth a word. */
export interface Waiting {
  failures: number;
  asks: number;
}

export class Steady {
  #shown: readonly Group[] = [];
  #filter = '';

  /**
   * The groups to show: the newest, or those that were shown before while `held`. Another filter, and tests that are
   * gone, let go.
   */
  show(
    newest: readonly Group[],
    held: boolean,
    filter: string,
    tests: ReadonlyMap<TestKey, TestRow>,
  ): readonly Group[] {
    const stays = held && this.#shown.length > 0 && filter === this.#filter;
    if (!stays || this.#shown.some((group) => group.tests.some(({ key }) => !tests.has(key)))) {
      this.#shown = newest;
      this.#filter = filter;
    }
    return this.#shown;
  }

  /** What the newest groups have at the top, and those that are shown have not. */
  waiting(newest: readonly Group[]): Waiting {
    if (newest === this.#shown) return { failures: 0, asks: 0 };
    return { failures: added(this.#shown, newest, 'failed').length, asks: added(this.#shown, newest, 'ask').length };
  }
}

/** The tests of a group that it did not have before. */
export function added(before: readonly Group[], after: readonly Group[], id: Group['id']): TestKey[] {
  const has = new Set(testsOf(before, id).map(({ key }) => key));
  return testsOf(after, id).flatMap(({ key }) => (has.has(key) ? [] : [key]));
}

function testsOf(groups: readonly Group[], id: Group['id']): readonly TestRow[] {
  return groups.find((group) => group.id === id)?.tests ?? [];
}

/** `2 new failures`, `a question, 1 new failure`; empty if nothing waits. */
export function waitingText({ failures, asks }: Waiting): string {
  const parts = [];
  if (asks > 0) parts.push(asks === 1 ? '1 question' : `${asks} questions`);
  if (failures > 0) parts.push(failures === 1 ? '1 new failure' : `${failures} new failures`);
  return parts.join(', ');
}
