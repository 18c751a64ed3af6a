/** Something that was done, said in the bar for a moment: `Link copied`. */
import { signal } from '@preact/signals';

import { say } from '../../ui/announce.js';

export const done = signal('');

/** How long it is said, in milliseconds. */
const SHOWN_MS = 2_000;

let timer: ReturnType<typeof setTimeout> | undefined;

/** Says what was done. */
export function sayDone(text: string): void {
  done.value = text;
  say(text);
  clearTimeout(timer);
  timer = setTimeout(() => (done.value = ''), SHOWN_MS);
}
