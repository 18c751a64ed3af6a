/** Which worker's screen is shown. */
import { computed, signal } from '@preact/signals';

import type { Slot, TestKey } from '../../model.js';
import { chosen as testChosen, place } from '../place.js';
import { head, testOf } from '../store.js';
import { lastStream, seen } from './pictures.js';

/** The stream that was chosen; null: whichever the server shows. */
export const chosen = signal<string | null>(null);

/** The workers that have a screen or may have one: those that the run tells of, and streams that nobody has told of. */
export const workers = computed<Slot[]>(() => {
  const slots = head.value?.slots ?? [];
  const known = new Set(slots.map(({ stream }) => stream));
  const others = seen.value.filter((stream) => !known.has(stream));
  return [...slots, ...others.map(strayOf)];
});

/** A stream that nobody has told of: by convention it is named `producer/slot`. */
function strayOf(stream: string): Slot {
  const [, producer = stream, slot = ''] = /^(.+)\/(\d{1,6})$/.exec(stream) ?? [];
  const label = slot === '' ? stream.slice(0, 12) : slot;
  return { producer, slot: Number(slot), stream, label, test: null, running: false, paused: false };
}

/** The worker that is on screen. */
export const shown = computed<Slot | null>(() => {
  const all = workers.value;
  const find = (stream: string | null) => (stream === null ? undefined : all.find((one) => one.stream === stream));
  return find(chosen.value) ?? find(lastStream.value) ?? all.find(({ running }) => running) ?? all[0] ?? null;
});

let followed: TestKey | null = null;

/** The screen follows the test that somebody opens while it runs; once, so that another worker may be chosen then. */
export function followTest(): void {
  const { test: key } = place.peek();
  if (!testChosen.peek() || key === followed) return;
  followed = key;
  const test = testOf(key);
  if (test?.status !== 'running' || test.producer === null || test.slot === null) return;
  const stream = `${test.producer}/${test.slot}`;
  if (head.peek()?.slots.some((slot) => slot.stream === stream)) chosen.value = stream;
}
