/** What the tree shows: the filter, what is folded, and the order. */
import { computed, signal } from '@preact/signals';

import type { TestKey, TestRow } from '../../model.js';
import { tests, testsVersion } from '../store.js';
import { width } from '../width.js';
import { passes, termsOf } from './filter.js';
import { groupsOf, placeOf } from './groups.js';

/** The filter, as it was written. */
export const filter = signal('');
/** Ids of heads that are folded. */
export const folded = signal<ReadonlySet<string>>(new Set(['done', 'queued']));
/** The row that has focus, or gets it next: its id. */
export const active = signal<string | null>(null);
/** Grows when the tree is to take focus. */
export const focusAsked = signal(0);
/** Grows when what waits is to be shown at once. */
export const thawAsked = signal(0);

/** The tests that the filter leaves. */
export const filtered = computed<TestRow[]>(() => {
  void testsVersion.value;
  const terms = termsOf(filter.value);
  const all = [...tests.values()];
  return terms.length === 0 ? all : all.filter((test) => passes(test, terms));
});

/** The newest order. */
export const groups = computed(() => groupsOf(filtered.value, width.value === 'narrow'));

/** Whether the tests run in several projects or variants: rows name theirs then. */
export const severalPlaces = computed(() => {
  void testsVersion.value;
  let first: string | null = null;
  for (const test of tests.values()) {
    const own = placeOf(test);
    if (first !== null && own !== first) return true;
    first = own;
  }
  return false;
});

/** The tests that failed, the newest first, as the filter leaves them. */
export function failures(): TestKey[] {
  return groups.value.flatMap(({ id, tests: own }) => (id === 'failed' ? own.map(({ key }) => key) : []));
}

/** Folds a head, or unfolds it. */
export function fold(id: string, away: boolean): void {
  const next = new Set(folded.peek());
  if (away) next.add(id);
  else next.delete(id);
  folded.value = next;
}

/** Sees to it that a row is in sight: unfolds what it is in. */
export function reveal(key: TestKey): void {
  const group = groups.peek().find(({ tests: own }) => own.some((test) => test.key === key));
  if (group === undefined) return;
  const section = group.sections?.find(({ tests: own }) => own.some((test) => test.key === key));
  fold(group.id, false);
  if (section !== undefined) fold(`s ${section.id}`, false);
  active.value = `t ${key}`;
}
