/** The tests of a run over time, in lanes: one for each place in which a producer ran one test at a time. */
import type { TestKey, TestRow } from '../../model.js';
import { shownOf, type Shown } from '../../ui/status.js';

export interface Block {
  test: TestKey;
  title: string;
  project: string | null;
  state: Shown;
  /** Milliseconds since 1970. */
  from: number;
  to: number;
}

export interface Lane {
  name: string;
  /** In the order in which they began. */
  blocks: Block[];
}

export interface Lanes {
  lanes: Lane[];
  from: number;
  to: number;
  /** How much of the time the lanes were busy, 0 to 1. */
  busy: number;
  /** Tests of which it is not known when they ran, or where. */
  unknown: number;
}

/** Lanes that are drawn; a run of more has the rest in its list of tests. */
export const MAX_LANES = 64;

function blockOf(test: TestRow): Block | null {
  if (test.startedAt === null || test.slot === null || test.durationMs === null) return null;
  return {
    test: test.key, title: test.path.join(' › '), project: test.project, state: shownOf(test),
    from: Math.min(test.firstStartedAt ?? test.startedAt, test.startedAt), to: test.startedAt + Math.max(0, test.durationMs),
  };
}

/** Time that is covered by blocks, each moment once. */
function covered(blocks: readonly Block[]): number {
  let sum = 0;
  let until = -Infinity;
  for (const { from, to } of blocks) {
    sum += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return sum;
}

const byName = new Intl.Collator('en', { numeric: true });

/** The lanes of a run; null: nothing is known of when its tests ran. */
export function lanesOf(tests: Iterable<TestRow>): Lanes | null {
  const lanes = new Map<string, Lane>();
  let unknown = 0;
  for (const test of tests) {
    const block = blockOf(test);
    if (block === null) {
      if (test.status !== 'pending' && test.status !== 'skipped') unknown += 1;
      continue;
    }
    const place = `${test.producer ?? ''}/${test.slot}`;
    const lane = lanes.get(place) ?? { name: test.slotLabel ?? String(test.slot), blocks: [] };
    lanes.set(place, lane);
    lane.blocks.push(block);
  }
  if (lanes.size === 0) return null;
  const all = [...lanes.values()].sort((one, other) => byName.compare(one.name, other.name));
  for (const lane of all) lane.blocks.sort((one, other) => one.from - other.from);
  const from = Math.min(...all.map(({ blocks }) => blocks[0]!.from));
  const to = all.reduce((latest, { blocks }) => blocks.reduce((last, block) => Math.max(last, block.to), latest), from + 1);
  const busy = all.reduce((sum, { blocks }) => sum + covered(blocks), 0) / (all.length * (to - from));
  return { lanes: all.slice(0, MAX_LANES), from, to, busy: Math.min(1, busy), unknown };
}

/** Where the axis has marks, in milliseconds from its beginning: at whole seconds or minutes, at most `most` of them. */
export function ticks(length: number, most: number): number[] {
  const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400];
  const step = (steps.find((seconds) => length / (seconds * 1_000) <= Math.max(1, most)) ?? 864_000) * 1_000;
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, index) => index * step);
}

/** The block at a time, or the nearest that is no farther away than `slack` milliseconds; -1: none. */
export function blockAt(blocks: readonly Block[], at: number, slack: number): number {
  let best = -1;
  let distance = slack;
  blocks.forEach(({ from, to }, index) => {
    const away = at < from ? from - at : at > to ? at - to : 0;
    if (away < distance || (away === 0 && distance === 0)) (best = index), (distance = away);
  });
  return best;
}
