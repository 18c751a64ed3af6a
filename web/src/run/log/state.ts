/** What the log shows: whose rows, around which event, whether it follows. */
import { computed, effect, signal } from '@preact/signals';

import type { LogRow, LogScope, Slot } from '../../model.js';
import { keep, setting } from '../../ui/who.js';
import { go, place } from '../place.js';
import { head, log, moment, onScreen, testOf } from '../store.js';
import { tell } from '../worker.js';
import { hold, letGo, type Follow } from './follow.js';
import { rowKey, rowsBehind } from './lines.js';

/** Whose rows: of the open test, the worker on screen, or all. */
export type ScopeName = 'test' | 'worker' | 'run';

/** Whose rows are wanted. */
export const scopeName = signal<ScopeName>('run');
/** Whether long lines wrap. */
export const wrap = signal(setting('runcast-log-wrap') === 'on');
/** Whether the log holds to its end. A link to a line or a moment begins without. */
export const follow = signal<Follow>({ on: place.peek().line === null, seen: Infinity, top: 0 });
/** Whether it does, for what is drawn. */
export const following = computed(() => follow.value.on);
/** Rows that came since it let go. */
export const fresh = computed(() => (following.value ? 0 : rowsBehind(log.value.rows, follow.value.seen)));
/** The row that keys act on, by its key. */
export const active = signal<number | null>(null);
/** What can't be shown: the line of a link that is not in the log. */
export const missing = signal<{ seq: number; why: 'expired' | 'none' } | null>(null);

/** The worker whose rows "Worker" means: the one on screen; else that of the open test, else the first that runs a test. */
export const slot = computed<Slot | null>(() => {
  const slots = head.value?.slots ?? [];
  const seen = slots.find(({ stream }) => stream === onScreen.value);
  if (seen !== undefined) return seen;
  const test = testOf(place.value.test);
  const ofTest = test === null ? undefined : slots.find((one) => one.producer === test.producer && one.slot === test.slot);
  return ofTest ?? slots.find(({ running }) => running) ?? slots[0] ?? null;
});

/** Whose rows are shown: all, as long as there is no test or no worker to choose. */
export const scope = computed<LogScope>(() => {
  const key = place.value.test;
  if (scopeName.value === 'test' && key !== null) return { of: 'test', key };
  const { value } = slot;
  if (scopeName.value === 'worker' && value !== null) return { of: 'slot', producer: value.producer, slot: value.slot };
  return { of: 'run' };
});

let asked = 0;

/** Asks for the rows around an event; without one, for the last ones. */
export function ask(seq?: number): void {
  asked += 1;
  pending = null;
  tell({ type: 'log', log: asked, scope: scope.peek(), ...(seq === undefined ? {} : { seq }) });
}

/** Whether the rows on the page are those that were asked for last. */
export function isCurrent(): boolean {
  return asked > 0 && log.peek().log === asked;
}

let pending: { side: 'earlier' | 'later'; edge: LogRow | undefined; at: number } | null = null;

/** Asks for more rows at one side, once for each row that is there the first or the last. */
export function more(side: 'earlier' | 'later'): void {
  const { rows, log: number } = log.peek();
  const edge = side === 'earlier' ? rows[0] : rows.at(-1);
  const waits = pending !== null && pending.side === side && pending.edge === edge && Date.now() - pending.at < 10_000;
  if (waits || !isCurrent() || edge === undefined) return;
  pending = { side, edge, at: Date.now() };
  tell({ type: 'more-log', log: number, side });
}

function last(): number {
  return log.peek().rows.at(-1)?.seq ?? Infinity;
}

/** Lets go of the log's end. */
export function release(): void {
  follow.value = letGo(follow.peek(), last());
}

/** Holds to the log's end. */
export function toEnd(): void {
  follow.value = hold(follow.peek(), last());
  missing.value = null;
  if (log.peek().later) ask();
}

/** Follows, or no longer. */
export function toggleFollow(): void {
  if (follow.peek().on) release();
  else toEnd();
}

/** Wraps long lines, or no longer. */
export function toggleWrap(): void {
  wrap.value = !wrap.peek();
  keep('runcast-log-wrap', wrap.peek() ? 'on' : 'off');
}

/** Chooses whose rows are shown. */
export function choose(name: ScopeName): void {
  scopeName.value = name;
  active.value = null;
}

/** Marks a line: the page's URL leads to it from now on. */
export function mark(row: LogRow): void {
  release();
  active.value = rowKey(row);
  go({ line: { seq: row.seq, line: row.line } });
}

/** Opens the test of a row. */
export function openTest(row: LogRow): void {
  if (row.test !== null) go({ test: row.test, attempt: null, step: null });
}

// Let go before the first rows were there: those are not new.
effect(() => {
  const state = follow.value;
  const end = log.value.rows.at(-1);
  if (!state.on && state.seen === Infinity && end !== undefined) follow.value = { ...state, seen: end.seq };
});

// Back at the end of a log of which the page has another part.
effect(() => {
  if (following.value && moment.value.live && log.value.later && isCurrent()) ask();
});
