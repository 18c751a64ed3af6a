/**
 * Where one is on the page, kept in its URL. Moving replaces the URL; opening a test, and the wall, adds an entry to
 * the browser's history, so that back goes where one was.
 */
import { signal } from '@preact/signals';

import type { TestKey } from '../model.js';
import { placeOf, queryOf, type Place } from './place-url.js';

export type { Place, View } from './place-url.js';

/** Where one is. Change it with {@link go}. */
export const place = signal<Place>(placeOf(location.search));

/** Whether somebody chose what is open: a test, a step, a line; by a click, a key or a link. */
export const chosen = signal(named(place.peek()));

/** Goes somewhere: what is not named stays. Another test is shown with its last attempt, unless it says otherwise. */
export function go(change: Partial<Place>): void {
  const before = place.peek();
  const other = change.test !== undefined && change.test !== before.test;
  const next = { ...before, ...(other ? { attempt: null, step: null } : {}), ...change };
  const turns = next.view !== before.view;
  const opens = change.test !== undefined && (other || turns);
  const pushes = opens || (turns && (next.view === 'wall' || before.view === 'wall'));
  const shown = location.pathname + location.search;
  if ('test' in change || change.step != null || change.line != null) chosen.value = true;
  place.value = next;
  const url = written(next);
  if (url === shown) return;
  if (pushes) history.pushState(null, '', url);
  else history.replaceState(null, '', url);
}

/** The test that was opened, and nobody chose. */
let unasked: TestKey | null = null;

/** Opens a test that nobody chose: it is not written into the URL, so that a link is to the run. */
export function openUnasked(test: TestKey | null): void {
  if (chosen.peek() || place.peek().test === test) return;
  unasked = test;
  place.value = { ...place.peek(), test, attempt: null, step: null };
}

/** The URL of a place on this page, for links. */
export function urlOf(to: Place): string {
  const query = queryOf(to);
  return location.pathname + (query === '' ? '' : `?${query}`);
}

function written(to: Place): string {
  return urlOf(chosen.peek() ? to : { ...to, test: null, attempt: null });
}

function named({ test, step, line }: Place): boolean {
  return test !== null || step !== null || line !== null;
}

addEventListener('popstate', () => {
  const to = placeOf(location.search);
  if (named(to)) chosen.value = true;
  place.value = { ...to, test: to.test ?? unasked };
});
