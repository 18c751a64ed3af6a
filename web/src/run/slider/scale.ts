/** Time, events and pixels of the slider. Pure. */
import type { Timeline } from '../../model.js';
import { clockTime, timeOfDay } from '../../ui/format.js';

/** Pixels from the track's left edge of a time; the edges are the first event and the last one. */
export function xOf(time: number, { from, to }: Pick<Timeline, 'from' | 'to'>, width: number): number {
  const span = Math.max(1, to - from);
  return Math.max(0, Math.min(1, (time - from) / span)) * width;
}

/** The time at a place on the track. */
export function timeAt(x: number, { from, to }: Pick<Timeline, 'from' | 'to'>, width: number): number {
  return from + Math.max(0, Math.min(1, width <= 0 ? 1 : x / width)) * (to - from);
}

/** About which event was the last one at a time: between the ends of bins, events are taken to be evenly spread. */
export function seqAt(time: number, { from, to, seqs }: Timeline): number {
  const bins = seqs.length;
  if (bins === 0) return 0;
  const place = Math.max(0, Math.min(bins, ((time - from) / Math.max(1, to - from)) * bins));
  const bin = Math.min(bins - 1, Math.floor(place));
  const before = bin === 0 ? 0 : seqs[bin - 1]!;
  return Math.max(1, Math.round(before + (seqs[bin]! - before) * (place - bin)));
}

/** About when an event was: the other way around. */
export function timeOf(seq: number, { from, to, seqs }: Timeline): number {
  const bins = seqs.length;
  if (bins === 0) return from;
  let low = 0;
  let high = bins - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (seqs[middle]! < seq) low = middle + 1;
    else high = middle;
  }
  const before = low === 0 ? 0 : seqs[low - 1]!;
  const share = Math.max(0, Math.min(1, (seq - before) / Math.max(1, seqs[low]! - before)));
  return from + ((low + share) / bins) * (to - from);
}

/** Heights of bars, 0 to 1, for a track of so many bars: bins are put together, or spread. A few events can be seen, too. */
export function bars(bins: readonly number[], many: number): number[] {
  if (bins.length === 0 || many <= 0) return [];
  const sums = new Array<number>(many).fill(0);
  for (let bin = 0; bin < bins.length; bin += 1) {
    const from = (bin / bins.length) * many;
    const to = ((bin + 1) / bins.length) * many;
    for (let bar = Math.floor(from); bar < to && bar < many; bar += 1) {
      const share = (Math.min(to, bar + 1) - Math.max(from, bar)) / (to - from);
      sums[bar]! += bins[bin]! * share;
    }
  }
  const most = Math.max(...sums);
  return sums.map((sum) => (sum <= 0 || most <= 0 ? 0 : Math.max(0.1, Math.sqrt(sum / most))));
}

export type Mark = Timeline['marks'][number];

/** Marks at about the same place are one: the worst of them is drawn. */
export interface Tick {
  x: number;
  mark: Mark;
  /** How many there are. */
  many: number;
}

const WORST: Record<Mark['kind'], number> = { failed: 0, ask: 1, flaky: 2, paused: 3, ended: 4 };

/** The ticks of a track, at least so many pixels apart. */
export function ticks(marks: readonly Mark[], range: Pick<Timeline, 'from' | 'to'>, width: number, apart = 14): Tick[] {
  const kept: Tick[] = [];
  const sorted = marks.filter(({ kind }) => kind !== 'ended').sort((one, other) => WORST[one.kind] - WORST[other.kind] || one.seq - other.seq);
  for (const mark of sorted) {
    const x = xOf(mark.at, range, width);
    const near = kept.find((tick) => Math.abs(tick.x - x) < apart);
    if (near === undefined) kept.push({ x, mark, many: 1 });
    else near.many += 1;
  }
  return kept.sort((one, other) => one.x - other.x);
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 172_800, 604_800];

/** A label below the track. */
export interface Label {
  x: number;
  text: string;
}

/** Labels at least so many pixels apart: the first says when it began, the others how long after. */
export function labels({ from, to }: Pick<Timeline, 'from' | 'to'>, width: number, apart = 160): Label[] {
  const first = { x: 0, text: timeOfDay(from, true) };
  const span = (to - from) / 1_000;
  if (span <= 0 || width < apart) return [first];
  const step = STEPS.find((seconds) => (seconds / span) * width >= apart) ?? Math.ceil(span / 604_800) * 604_800;
  const rest: Label[] = [];
  for (let seconds = step; (seconds / span) * width <= width - 24; seconds += step) {
    const x = (seconds / span) * width;
    if (x >= 90) rest.push({ x, text: clockTime(seconds * 1_000) });
  }
  return [first, ...rest];
}

/** The mark that is near a place; null: none. */
export function markNear(list: readonly Tick[], x: number, within = 8): Tick | null {
  let nearest: Tick | null = null;
  for (const tick of list) {
    if (Math.abs(tick.x - x) <= within && (nearest === null || Math.abs(tick.x - x) < Math.abs(nearest.x - x))) nearest = tick;
  }
  return nearest;
}

/** The next of some events, or the one before; null: there is none. */
export function stop(seqs: readonly number[], seq: number, by: 1 | -1): number | null {
  let found: number | null = null;
  for (const one of seqs) {
    if (by > 0 ? one > seq : one < seq) if (found === null || (by > 0 ? one < found : one > found)) found = one;
  }
  return found;
}

/** What screen readers say of a moment: `14:03:12, event 4,211 of 9,870`. */
export function valueText(at: number, seq: number, tip: number): string {
  return `${timeOfDay(at, true)}, event ${seq.toLocaleString('en')} of ${tip.toLocaleString('en')}`;
}
