/** Going through the time of the run. */
import { signal } from '@preact/signals';

import { go } from './place.js';
import { tell } from './worker.js';

/** Grows when somebody wants to see what comes: whatever follows goes to its end, and follows again. */
export const followAsked = signal(0);

/** Back to now: the newest state, and everything follows. */
export function goLive(): void {
  go({ at: null, line: null });
  tell({ type: 'moment', to: 'live' });
  followAsked.value += 1;
}
