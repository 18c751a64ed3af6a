/**
 * The tests in the order in which they matter: who needs somebody, what failed, what runs, what is flaky, and the
 * rest.
 */
import type { TestRow } from '../../model.js';
import { plural } from '../../ui/format.js';
import { LOOKS, shownOf, type Shown, type Tone } from '../../ui/status.js';

export type GroupId = 'ask' | 'failed' | 'running' | 'flaky' | 'rest' | 'done' | 'queued';

/** Tests of one file and project, among the rest. */
export interface Section {
  id: string;
  file: string;
  project: string;
  tests: TestRow[];
  /** `9 passed, 1 skipped`. */
  sums: string;
}

export interface Group {
  id: GroupId;
  title: string;
  tone: Tone;
  /** All tests of it, in order. */
  tests: TestRow[];
  /** The same by file and project; null: in one list. */
  sections: Section[] | null;
  /** What became of its tests, in numbers. */
  sums: string;
}

const TITLES: Record<GroupId, [title: string, tone: Tone]> = {
  ask: ['Needs you', 'ai'],
  failed: ['Failed', 'fail'],
  running: ['Running', 'run'],
  flaky: ['Flaky', 'flaky'],
  rest: ['Rest', 'dim'],
  done: ['Done', 'dim'],
  queued: ['Queued', 'dim'],
};

const GROUP_OF: Record<Shown, GroupId> = {
  ask: 'ask',
  failed: 'failed',
  timedout: 'failed',
  interrupted: 'failed',
  held: 'failed',
  running: 'running',
  paused: 'running',
  flaky: 'flaky',
  passed: 'rest',
  skipped: 'rest',
  queued: 'rest',
};

const LAST = Number.MAX_SAFE_INTEGER;
const ORDERS: Partial<Record<GroupId, (a: TestRow, b: TestRow) => number>> = {
  failed: (a, b) => (b.failedSeq ?? -1) - (a.failedSeq ?? -1) || a.order - b.order,
  running: (a, b) => (a.startedAt ?? LAST) - (b.startedAt ?? LAST) || a.order - b.order,
};

/**
 * The groups that have tests, in order. On phones the rest is two groups without files: what is done, and what is
 * queued.
 */
export function groupsOf(tests: Iterable<TestRow>, phone = false): Group[] {
  const lists = new Map<GroupId, TestRow[]>();
  for (const test of tests) {
    const shown = shownOf(test);
    let id = GROUP_OF[shown];
    if (phone && id === 'rest') id = shown === 'queued' ? 'queued' : 'done';
    const list = lists.get(id);
    if (list === undefined) lists.set(id, [test]);
    else list.push(test);
  }
  return (Object.keys(TITLES) as GroupId[]).flatMap((id) => {
    const list = lists.get(id);
    if (list === undefined) return [];
    list.sort(ORDERS[id] ?? ((a, b) => a.order - b.order));
    const [title, tone] = TITLES[id];
    const sections = id === 'rest' ? sectionsOf(list) : null;
    const own = sections === null ? list : sections.flatMap((section) => section.tests);
    return [{ id, title, tone, tests: own, sections, sums: sumsOf(list) }];
  });
}

function sectionsOf(tests: TestRow[]): Section[] {
  const sections = new Map<string, TestRow[]>();
  for (const test of tests) {
    const id = `${test.file ?? ''}\n${placeOf(test)}`;
    const list = sections.get(id);
    if (list === undefined) sections.set(id, [test]);
    else list.push(test);
  }
  return [...sections].map(([id, list]) => {
    const cut = id.indexOf('\n');
    return { id, file: id.slice(0, cut), project: id.slice(cut + 1), tests: list, sums: sumsOf(list) };
  });
}

/** Where a test runs beside others of its title: its project, else its variant. */
export function placeOf(test: Pick<TestRow, 'project' | 'variant'>): string {
  const { project, variant } = test;
  return project !== null && variant !== null && project !== variant
    ? `${project}, ${variant}`
    : (project ?? variant ?? '');
}

const SUMMED: Shown[] = ['failed', 'timedout', 'interrupted', 'flaky', 'passed', 'skipped', 'queued'];

/** `9 passed, 1 skipped`. */
export function sumsOf(tests: readonly TestRow[]): string {
  const numbers = new Map<Shown, number>();
  for (const test of tests) {
    const shown = shownOf(test);
    numbers.set(shown, (numbers.get(shown) ?? 0) + 1);
  }
  return SUMMED.flatMap((shown) => {
    const number = numbers.get(shown);
    return number === undefined ? [] : [plural(number, LOOKS[shown].word, LOOKS[shown].word)];
  }).join(', ');
}
