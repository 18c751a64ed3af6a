/**
 * Where one is on the page, kept in its URL: `?t=TEST.ATTEMPT&s=STEP&l=SEQ.LINE&at=SEQ&v=VIEW&q=WORDS`. Moving replaces the
 * URL, opening a test adds an entry to the history.
 */
import { signal } from '@preact/signals';

import type { TestKey } from '../model.js';

/** What the pane in the middle shows, and on a phone the only one. */
export type View = 'run' | 'wall' | 'tests' | 'steps' | 'log' | 'time' | 'steer';

export interface Place {
  /** The test that is open. */
  test: TestKey | null;
  /** Its attempt; null: the last. */
  attempt: number | null;
  /** The step that is shown. */
  step: string | null;
  /** The line of the log that is marked. */
  line: { seq: number; line: number } | null;
  /** The moment that is shown; null: live. */
  at: number | null;
  view: View;
  /** What is searched for. */
  words: string;
}

/** Where one is. Change it with {@link go}. */
export const place = signal<Place>(read(location.search));

/** Goes somewhere: what is not named stays. Opening another test adds an entry to the browser's history. */
export function go(change: Partial<Place>): void {
  const before = place.peek();
  const next = { ...before, ...change };
  place.value = next;
  const url = urlOf(next);
  if (url === urlOf(before)) return;
  if (next.test !== before.test) history.pushState(null, '', url);
  else history.replaceState(null, '', url);
}

addEventListener('popstate', () => {
  place.value = read(location.search);
});

/** The page's URL at a place, for links. */
export function urlOf(to: Place): string {
  const query = new URLSearchParams();
  if (to.test !== null) query.set('t', to.attempt === null ? to.test : `${to.test}.${to.attempt}`);
  if (to.step !== null) query.set('s', to.step);
  if (to.line !== null) query.set('l', to.line.line === 0 ? String(to.line.seq) : `${to.line.seq}.${to.line.line}`);
  if (to.at !== null) query.set('at', String(to.at));
  if (to.view !== 'run') query.set('v', to.view);
  if (to.words !== '') query.set('q', to.words);
  const text = query.toString();
  return location.pathname + (text === '' ? '' : `?${text}`);
}

function read(search: string): Place {
  const query = new URLSearchParams(search);
  const test = /^(.*?)(?:\.(\d+))?$/s.exec(query.get('t') ?? '');
  const line = /^(\d+)(?:\.(\d+))?$/.exec(query.get('l') ?? '');
  const at = Number(query.get('at') ?? NaN);
  const views: readonly string[] = ['run', 'wall', 'tests', 'steps', 'log', 'time', 'steer'];
  const view = query.get('v') ?? 'run';
  return {
    test: test?.[1] || null,
    attempt: test?.[2] === undefined ? null : Number(test[2]),
    step: query.get('s'),
    line: line === null ? null : { seq: Number(line[1]), line: Number(line[2] ?? 0) },
    at: Number.isSafeInteger(at) && at > 0 ? at : null,
    view: (views.includes(view) ? view : 'run') as View,
    words: query.get('q') ?? '',
  };
}
