/** Which worker's screen is shown. */
import { computed, signal } from '@preact/signals';

import type { Slot } from '../../model.js';
import { place } from '../place.js';
import { head, testOf } from '../store.js';
import { lastStream, seen } from './pictures.js';

/** The stream that was chosen; null: whichever the server shows. */
export const chosen = signal<string | null>(null);

/** The workers that have a screen or may have one: those that the run tells of, and streams that nobody has told of. */
export const workers = computed<Slot[]>(() => {
  const slots = head.value?.slots ?? [];
  const known = new Set(slots.map(({ stream }) => stream));
  const others = seen.value.filter((stream) => !known.has(stream));
  return [
    ...slots,
    ...others.map((stream) => ({ producer: stream, slot: 0, stream, label: stream, test: null, running: false, paused: false })),
  ];
});

/** The worker that is on screen. */
export const shown = computed<Slot | null>(() => {
  const all = workers.value;
  const find = (stream: string | null) => (stream === null ? undefined : all.find((one) => one.stream === stream));
  return find(chosen.value) ?? find(lastStream.value) ?? all.find(({ running }) => running) ?? all[0] ?? null;
});

/** The screen follows the test that is opened while it runs. */
export function followTest(): void {
  const test = testOf(place.value.test);
  if (test?.status !== 'running' || test.producer === null || test.slot === null) return;
  const stream = `${test.producer}/${test.slot}`;
  if (head.peek()?.slots.some((slot) => slot.stream === stream)) chosen.value = stream;
}
