/** The keys that belong to no single part of the page. */
import { copyText } from '../ui/copy.js';
import { bind } from './keys/index.js';
import { goLive } from './moment.js';
import { focusPane } from './panes.js';
import { go, place, urlOf } from './place.js';
import { linkOf } from './link.js';
import { testOf } from './store.js';
import { failures, focusAsked, reveal, thawAsked } from './tests/state.js';
import { traceOf } from './tests/traces.js';
import { openTest } from './tests/tree.js';
import { sayDone } from './top/done.js';

/** Binds them. Returns what lets them go. */
export function bindShortcuts(): () => void {
  const ends = [
    bind({ key: 'f', says: 'next failure, the one before', group: 'Tests', repeats: true, run: () => toFailure(1) }),
    bind({ key: 'F', says: 'next failure, the one before', group: 'Tests', repeats: true, run: () => toFailure(-1) }),
    bind({ key: 'j', says: 'next row, the one before', group: 'Tests', repeats: true, run: () => toRow('ArrowDown') }),
    bind({ key: 'k', says: 'next row, the one before', group: 'Tests', repeats: true, run: () => toRow('ArrowUp') }),
    bind({ key: 'r', says: 'trace of the test', group: 'Tests', run: openTrace }),
    bind({ key: 'l', says: 'back to live, and follow', group: 'Time', run: goLive }),
    bind({
      key: 'w',
      says: 'wall of all workers',
      group: 'Screen',
      run: () => go({ view: place.peek().view === 'wall' ? 'run' : 'wall' }),
    }),
    bind({
      key: 'Escape',
      says: 'back from the wall',
      group: 'Screen',
      when: () => place.peek().view === 'wall',
      run: () => go({ view: 'run' }),
    }),
    bind({ key: '1', says: 'tests, screen, test', group: 'Page', run: () => focusPane(1) }),
    bind({ key: '2', says: 'tests, screen, test', group: 'Page', run: () => focusPane(2) }),
    bind({ key: '3', says: 'tests, screen, test', group: 'Page', run: () => focusPane(3) }),
    bind({ key: 'c', says: 'copy the link to what has focus', group: 'Page', run: () => void copyLink() }),
  ];
  return () => ends.forEach((end) => end());
}

function toFailure(step: 1 | -1): void {
  const list = failures();
  if (list.length === 0) return sayDone('No failure');
  const at = list.indexOf(place.peek().test ?? '');
  const next = at < 0 ? (step > 0 ? 0 : list.length - 1) : (at + step + list.length) % list.length;
  const key = list[next];
  if (key === undefined) return;
  thawAsked.value += 1;
  reveal(key);
  openTest(key);
  focusAsked.value += 1;
}

/** `j` and `k` are arrow keys to the tree or grid that has focus; else they go to the tests. */
function toRow(key: 'ArrowDown' | 'ArrowUp'): void {
  const focused = document.activeElement;
  if (focused?.closest('[role=tree],[role=grid],[role=listbox]')) {
    focused.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  } else {
    focusAsked.value += 1;
  }
}

function openTrace(): void {
  const trace = traceOf(testOf(place.peek().test));
  if (trace === null) sayDone('No trace yet');
  else open(trace, '_blank', 'noopener');
}

/** Copies the link to what has focus: a step, a line, a test; else to what one sees. */
export async function copyLink(): Promise<void> {
  const { to, what } = linkOf(document.activeElement, place.peek());
  const copied = await copyText(location.origin + urlOf(to));
  sayDone(copied ? `Link to ${what} copied` : 'The browser did not allow to copy');
}
