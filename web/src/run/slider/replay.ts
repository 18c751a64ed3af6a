/** Playing a run again: which moment is shown after some time. Pure. */

/** How much faster than it was. */
export const SPEEDS = [1, 4, 16] as const;
export type Speed = (typeof SPEEDS)[number];

/** A replay that goes on. */
export interface Replay {
  /** The moment that is shown, in milliseconds since 1970. */
  at: number;
  speed: Speed;
  /** When that was, by a clock that never goes back, in milliseconds. */
  since: number;
}

/** Most milliseconds that pass at once: a tab that was hidden goes on where it was. */
const LONGEST = 1_000;

/** The replay after some time; null: it is at the end. */
export function played(replay: Replay, now: number, end: number): Replay | null {
  const passed = Math.max(0, Math.min(LONGEST, now - replay.since));
  const at = replay.at + passed * replay.speed;
  return at >= end ? null : { ...replay, at, since: now };
}

/** Where a replay begins: at the moment that is shown, or at the run's start if that is its end. */
export function beginning(moment: { live: boolean; at: number | null }, range: { from: number; to: number }): number {
  if (moment.live || moment.at === null || moment.at >= range.to - 500) return range.from;
  return Math.max(range.from, moment.at);
}

/** The speed that is chosen at first: a long run is not watched in full. */
export function firstSpeed(durationMs: number): Speed {
  return durationMs < 30_000 ? 1 : durationMs < 600_000 ? 4 : 16;
}
