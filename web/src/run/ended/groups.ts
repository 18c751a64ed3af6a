/** Failures that have the same error. */
import type { TestRow } from '../../model.js';
import { takeApart } from '../detail/message.js';
import { shownOf } from '../../ui/status.js';

export interface Group {
  /** The error's first line, and where it looked. */
  title: string;
  locator: string | null;
  tests: TestRow[];
}

/** Parts of a line that differ although the error is the same: numbers, ids, times. */
function likeness(text: string): string {
  return text.replace(/\b[0-9a-f]{8,}\b|\d+/gi, '#').replace(/\s+/g, ' ').slice(0, 400);
}

/** Tests that failed, by their errors: the error of most tests first, then in the order of the run. */
export function groupsOf(tests: Iterable<TestRow>): Group[] {
  const groups = new Map<string, Group>();
  for (const test of tests) {
    if (!['failed', 'timedout', 'interrupted'].includes(shownOf(test))) continue;
    const parts = test.error === null ? null : takeApart(test.error.slice(0, 4_000));
    const title = parts?.title || (test.status === 'passed' ? 'It passed, and was expected to fail.' : 'It failed without a message.');
    const locator = parts?.facts.find(({ label }) => label === 'Locator')?.text ?? null;
    const values = parts === null ? [] : parts.sides.map(({ label, lines }) => `${label}${lines.flat().map(({ text }) => text).join('')}`);
    const key = [title, parts?.called ?? '', locator ?? '', ...values, ...(parts?.diff ?? []).map(({ spans }) => spans.map(({ text }) => text).join(''))].map(likeness).join('\n');
    const group = groups.get(key) ?? { title, locator, tests: [] };
    groups.set(key, group);
    group.tests.push(test);
  }
  return [...groups.values()].sort((one, other) => other.tests.length - one.tests.length || one.tests[0]!.order - other.tests[0]!.order);
}
