/** Which moment of the run is shown, and what changes it: the slider, keys, a replay, the page's URL. */
import { batch, computed, effect, signal } from '@preact/signals';

import { go, place } from '../place.js';
import { connection, detail, head, moment, timeline } from '../store.js';
import { tell } from '../worker.js';
import { beginning, firstSpeed, played, type Replay, type Speed } from './replay.js';
import { seqAt, stop, timeAt, timeOf } from './scale.js';

/** Milliseconds between two moments that are asked for while one drags or plays. */
const TOLD_MS = 100;

/** Where the knob is held, as a time; null: it is not. */
export const held = signal<number | null>(null);
/** The replay that goes on. */
export const replay = signal<Replay | null>(null);
/** How fast it is, also the next time. */
export const speed = signal<Speed | null>(null);

/** The last event of the run, also while an earlier one is shown. */
export const tip = computed(() => Math.max(connection.value?.tip ?? 0, head.value?.seq ?? 0, timeline.value?.seqs.at(-1) ?? 0));

let endedOnce = false;
/** Whether the run has ended, also while an earlier moment is shown. */
export const hasEnded = computed(() => {
  if (moment.value.live && head.value !== null) endedOnce = head.value.over;
  return endedOnce || timeline.value?.marks.some(({ kind, seq }) => kind === 'ended' && seq >= tip.value) === true;
});

/** The moment of the knob: its time and event. */
export const knob = computed(() => {
  const range = timeline.value;
  const { live, seq, at } = moment.value;
  if (range === null) return { at: 0, seq: live ? tip.value : seq, live };
  const time = held.value ?? replay.value?.at;
  if (time !== undefined && time !== null) return { at: time, seq: seqAt(time, range), live: false };
  if (live) return { at: range.to, seq: tip.value, live };
  return { at: at ?? timeOf(seq, range), seq, live };
});

let told = 0;
let later: ReturnType<typeof setTimeout> | null = null;

/** Shows a moment of the past, not more often than it can be drawn. */
function show(to: { seq: number } | { at: number }): void {
  if (later !== null) clearTimeout(later);
  const wait = told + TOLD_MS - performance.now();
  const now = () => {
    later = null;
    told = performance.now();
    last = 'seq' in to ? `seq ${to.seq}` : `at ${to.at}`;
    tell({ type: 'moment', to });
  };
  if (wait <= 0) now();
  else later = setTimeout(now, wait);
}

/** Goes to an event, and keeps it in the URL. Behind the last one it is live. */
export function goTo(seq: number): void {
  endReplay();
  held.value = null;
  if (seq >= tip.peek()) go({ at: null });
  else go({ at: Math.max(head.peek()?.firstAvailable ?? 1, seq) });
}

/** Back to now; of a run that has ended, to its end. */
export function toLive(): void {
  endReplay();
  held.value = null;
  go({ at: null });
}

/** Moves the knob to a place on the track, as long as it is held. */
export function drag(x: number, width: number): void {
  const range = timeline.peek();
  if (range === null) return;
  held.value = timeAt(x, range, width); // a replay waits: what stands beside the track stays as wide as it is
  show({ seq: Math.max(1, seqAt(held.value, range)) });
}

/** Lets go of the knob. At the right edge it is live. */
export function drop(width: number): void {
  const range = timeline.peek();
  const at = held.peek();
  if (range === null || at === null) return;
  const atEdge = ((range.to - at) / Math.max(1, range.to - range.from)) * width < 4;
  if (atEdge) toLive();
  else goTo(seqAt(at, range));
}

/** Some events back or on. */
export function byEvents(events: number): void {
  goTo(knob.peek().seq + events);
}

/** A share of the run back or on. */
export function byShare(share: number): void {
  const range = timeline.peek();
  if (range === null) return;
  const at = knob.peek().at + (range.to - range.from) * share;
  if (at >= range.to) toLive();
  else goTo(seqAt(Math.max(range.from, at), range));
}

/** One step back or on: to where a step of the open test begins or ends; without one, by an event. */
export function byStep(by: 1 | -1): void {
  const steps = detail.peek()?.key === place.peek().test ? [...(detail.peek()?.steps.values() ?? [])] : [];
  const seqs = steps.flatMap(({ seq, endSeq }) => (endSeq === null ? [seq] : [seq, endSeq]));
  const next = stop(seqs, knob.peek().seq, by);
  if (next === null) byEvents(by);
  else goTo(next);
}

/** Plays the run again, from the moment that is shown or from its start. */
export function play(): void {
  const range = timeline.peek();
  if (range === null) return;
  speed.value ??= firstSpeed(range.to - range.from);
  replay.value = { at: beginning(moment.peek(), range), speed: speed.peek()!, since: performance.now() };
  tick();
}

/** Holds the replay: its moment stays. */
export function pause(): void {
  const at = replay.peek()?.at;
  const range = timeline.peek();
  if (at === undefined || range === null) return;
  goTo(moment.peek().live ? seqAt(at, range) : Math.max(1, moment.peek().seq));
}

/** Chooses how fast it is played. */
export function setSpeed(to: Speed): void {
  speed.value = to;
  const now = replay.peek();
  if (now !== null) replay.value = { ...now, speed: to };
}

function endReplay(): void {
  if (frame !== 0) cancelAnimationFrame(frame);
  frame = 0;
  replay.value = null;
}

let frame = 0;

function tick(): void {
  const now = replay.peek();
  const range = timeline.peek();
  if (now === null || range === null) return;
  const next = played(now, performance.now(), range.to);
  if (held.peek() !== null) {
    frame = requestAnimationFrame(tick);
    return;
  }
  if (next === null) return toLive();
  batch(() => {
    replay.value = next;
    if (performance.now() - told >= TOLD_MS) show({ at: next.at });
  });
  frame = requestAnimationFrame(tick);
}

// The URL says which moment is shown; the worker was told of the first one when it was started.
let last = place.peek().at === null ? 'live' : `seq ${place.peek().at}`;
effect(() => {
  const { at } = place.value;
  const wanted = at === null ? 'live' : `seq ${at}`;
  if (replay.peek() !== null || held.peek() !== null || wanted === last) return;
  if (later !== null) clearTimeout(later);
  later = null;
  last = wanted;
  tell({ type: 'moment', to: at === null ? 'live' : { seq: at } });
});
