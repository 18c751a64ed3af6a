/** The word of a run, its counts, how long it took and about how much longer it takes. No I/O. */
import type { Counts, Producer, Word } from '../model.js';
import { timeOf } from './read.js';
import { FINAL, type RunState } from './state.js';

/** The word, as a person should know the run. */
export function wordOf(state: RunState, producers: readonly Pick<Producer, 'state'>[]): Word {
  const { status } = state;
  if (state.events === 0 || (status === null && state.events === 0)) return 'waiting';
  if (status !== null && FINAL.has(status)) return status as Word;
  if ((state.asks ?? []).length > 0) return 'needs_you';
  if (state.paused != null || status === 'paused') return 'paused';
  const present = producers.filter(({ state: is }) => is === 'joined' || is === 'silent');
  const isSilent = present.length > 0 && present.every(({ state: is }) => is === 'silent');
  if (status === 'stalled' || isSilent) return 'stalled';
  if (status === 'failing' || (state.outcomes['unexpected'] ?? 0) > 0) return 'failing';
  if (status === 'running') return 'running';
  return status === 'queued' ? 'queued' : (state.counts['running'] ?? 0) > 0 ? 'running' : 'queued';
}

/** Number of tests: planned, or announced. */
export function totalOf(state: RunState): number {
  const { pending = 0, running = 0, passed = 0, failed = 0, skipped = 0, timedout = 0, interrupted = 0 } = state.counts;
  return Math.max(state.total ?? 0, pending + running + passed + failed + skipped + timedout + interrupted);
}

export function countsOf(state: RunState): Counts {
  const { unexpected = 0, flaky = 0, expected = 0, skipped = 0 } = state.outcomes;
  const running = state.counts['running'] ?? 0;
  const done = unexpected + flaky + expected + skipped;
  return {
    failed: unexpected,
    flaky,
    passed: expected,
    skipped,
    running,
    queued: Math.max(0, totalOf(state) - done - running),
    asks: (state.asks ?? []).length,
  };
}

/** How long the run took without its pauses, and whether it goes on. */
export function elapsedOf(state: RunState, now: number): { elapsedMs: number | null; ticking: boolean } {
  const started = timeOf(state.startedAt);
  const isOver = state.status !== null && FINAL.has(state.status);
  if (started === null) return { elapsedMs: null, ticking: false };
  if (isOver) {
    const [from, to] = [timeOf(state.producer?.startedAt), timeOf(state.producer?.endedAt)];
    // A run that was posted afterwards took as long as its producers say.
    const wasPostedLater = from !== null && to !== null && started - from > 60_000;
    return { elapsedMs: wasPostedLater ? to - from : state.elapsedMs, ticking: false };
  }
  const since = timeOf(state.paused?.since);
  const until = since ?? now;
  return { elapsedMs: Math.max(0, until - started - (state.paused?.earlierMs ?? 0)), ticking: since === null };
}

/** Durations of the tests that ended: their number and sum. */
export class Durations {
  #count = 0;
  #sum = 0;

  add(ms: number): void {
    this.#count += 1;
    this.#sum += ms;
  }

  remove(ms: number): void {
    this.#count -= 1;
    this.#sum -= ms;
  }

  get count(): number {
    return this.#count;
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }
}

/** Tests that have to have ended before anything is said. */
const FEWEST = 3;

/**
 * About how much longer it takes, in milliseconds: what is left, at the pace of the tests that ended. Null: that can't
 * be said honestly. `running`: how long each test that runs has been running, where that is known.
 */
export function leftOf(
  counts: Counts,
  durations: Durations,
  workers: number,
  running: readonly (number | null)[],
): number | null {
  const ended = durations.count;
  const left = counts.queued + counts.running;
  if (left === 0 || ended < FEWEST || ended * 20 < ended + left) return null;
  const { mean } = durations;
  const going = running.map((ms) => (ms === null ? mean / 2 : Math.max(mean - ms, 0)));
  const work = counts.queued * mean + going.reduce((sum, ms) => sum + ms, 0);
  const longest = going.reduce((most, ms) => Math.max(most, ms), 0);
  return Math.round(Math.max(work / Math.max(1, Math.min(workers, left)), longest, 1_000));
}
