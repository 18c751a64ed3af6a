/**
 * Keeps the list up to date: pages, then what changes, by the server's stream; by asking again each 3 seconds where there
 * is none. A tab that nobody sees asks nothing, and catches up as soon as it is seen.
 */
import { effect } from '@preact/signals';

import { readRights, rights } from '../ui/rights.js';
import { notify } from './bell.js';
import { queryOf } from './filter.js';
import { rowOf, type Group, type RunRow } from './rows.js';
import {
  anyRun,
  cursor,
  filter,
  forget,
  groups,
  known,
  live,
  loaded,
  loading,
  MOST_ROWS,
  offset,
  projects,
  refusal,
  size,
  take,
  signedOut,
} from './store.js';

/** Rows of a page. */
const PAGE = 50;
const POLL_MS = 3_000;
/** Milliseconds that a stream may be away before that is said: servers end streams, and take them up again. */
const AWAY_MS = 4_000;
/** Milliseconds between two questions for the numbers of the groups. */
const COUNT_MS = 5_000;

interface Page {
  rows: RunRow[];
  cursor: string | null;
  groups: Record<Group, number> | null;
  projects: string[];
}

/** The server refused: asking again as it is changes nothing. */
class Refused extends Error {}

async function page(limit: number, after: string | null): Promise<Page> {
  const answer = await fetch(`/api/runs?${queryOf(filter.peek(), limit, after)}`, {
    headers: { accept: 'application/json' },
  });
  const date = Date.parse(answer.headers.get('date') ?? '');
  if (!Number.isNaN(date) && Math.abs(date - Date.now()) > 2_000) offset.value = date - Date.now();
  const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  signedOut.value = answer.status === 401;
  // What is offered was for other rights, or nothing is known of them: reading them has failed.
  if (answer.status === 401 || answer.status === 403 || (answer.ok && rights.peek() === null)) void readRights();
  if (!answer.ok) {
    const detail = typeof body['detail'] === 'string' ? body['detail'] : `the server answered ${answer.status}`;
    throw answer.status < 500 && answer.status !== 429 ? new Refused(detail) : new Error(detail);
  }
  const rows = (Array.isArray(body['runs']) ? body['runs'] : []).map(rowOf).filter((row) => row !== null);
  return {
    rows,
    cursor: body['more'] === true && typeof body['cursor'] === 'string' ? body['cursor'] : null,
    groups: readGroups(body['groups']),
    projects: Array.isArray(body['projects'])
      ? body['projects'].filter((name): name is string => typeof name === 'string')
      : [],
  };
}

function readGroups(value: unknown): Record<Group, number> | null {
  if (typeof value !== 'object' || value === null) return null;
  const raw = value as Record<string, unknown>;
  const number = (name: string) => (typeof raw[name] === 'number' ? raw[name] : 0);
  return {
    all: number('all'),
    needsYou: number('needsYou'),
    running: number('running'),
    failed: number('failed'),
    flaky: number('flaky'),
    passed: number('passed'),
  };
}

let generation = 0;

/** Asks for the first page. `reset`: for other runs than before; else what is there stays, and is renewed. */
async function refresh(reset: boolean): Promise<void> {
  generation += 1;
  const mine = generation;
  loading.value = true;
  try {
    const first = await page(PAGE, null);
    if (mine !== generation) return;
    take(first.rows, reset);
    if (reset || size() <= PAGE) cursor.value = first.cursor;
    groups.value = first.groups;
    if (first.projects.length > 0) projects.value = first.projects;
    refusal.value = null;
    back();
    loaded.value = true;
    if (first.rows.length > 0) anyRun.value = true;
    else await findAny();
    if (first.groups === null) poll();
    else listen();
  } catch (error) {
    if (mine !== generation) return;
    if (error instanceof Refused) {
      refusal.value = error.message;
      loaded.value = true;
    } else {
      away();
      poll();
    }
  } finally {
    if (mine === generation) loading.value = false;
  }
}

/** Whether there is any run, whatever the filter. */
async function findAny(): Promise<void> {
  const answer = await fetch('/api/runs?limit=1&groups=0&projects=0');
  const body = (await answer.json()) as { runs?: unknown[] };
  anyRun.value = (body.runs?.length ?? 0) > 0;
}

/** The next page. */
export async function more(): Promise<void> {
  if (cursor.peek() === null || loading.peek()) return;
  const mine = generation;
  loading.value = true;
  try {
    const next = await page(PAGE, cursor.peek());
    if (mine !== generation) return;
    take(next.rows);
    cursor.value = size() >= MOST_ROWS ? null : next.cursor;
    back();
  } catch {
    if (mine === generation) away();
  } finally {
    if (mine === generation) loading.value = false;
  }
}

function away(): void {
  if (live.peek().awaySince === null) live.value = { ...live.peek(), awaySince: Date.now() };
}

function back(): void {
  if (live.peek().awaySince !== null) live.value = { ...live.peek(), awaySince: null };
}

let timer: ReturnType<typeof setTimeout> | null = null;

/** Asks again after a while, as long as somebody looks. */
function poll(): void {
  if (timer !== null) clearTimeout(timer);
  if (stream === null && live.peek().by !== 'polling') live.value = { ...live.peek(), by: 'polling' };
  timer = setTimeout(() => {
    timer = null;
    if (document.visibilityState === 'visible') void refresh(false);
  }, POLL_MS);
}

let stream: EventSource | null = null;
let counting: ReturnType<typeof setTimeout> | null = null;

/** Takes what the server says has changed. */
function listen(): void {
  if (stream !== null) return;
  if (timer !== null) clearTimeout(timer);
  const opened = new EventSource('/api/runs/stream');
  stream = opened;
  live.value = { ...live.peek(), by: 'stream' };
  let broken: ReturnType<typeof setTimeout> | null = null;
  const changed = ({ data }: MessageEvent<string>) => {
    const body = JSON.parse(data) as { runs?: unknown[]; gone?: string[] };
    const rows = (body.runs ?? []).map(rowOf).filter((row) => row !== null);
    for (const row of rows) notify(known(row.runId), row);
    if (rows.length > 0) (take(rows), (anyRun.value = true));
    if (body.gone !== undefined && body.gone.length > 0) forget(body.gone);
    back();
    count();
  };
  opened.addEventListener('message', changed);
  opened.addEventListener('open', () => {
    back();
    if (broken === null) return;
    clearTimeout(broken);
    broken = null;
    void refresh(false); // what changed meanwhile was not told
  });
  opened.addEventListener('error', () => {
    broken ??= setTimeout(away, AWAY_MS);
    if (opened.readyState !== EventSource.CLOSED) return; // it comes back by itself
    clearTimeout(broken);
    opened.close();
    stream = null;
    poll();
  });
}

/** Asks for the numbers of the groups, not too often. */
function count(): void {
  if (counting !== null || document.visibilityState !== 'visible') return;
  counting = setTimeout(() => {
    counting = null;
    page(1, null).then((counted) => (groups.value = counted.groups ?? groups.peek()), away);
  }, COUNT_MS);
}

/** Begins, and goes on for as long as the page is open. */
export function start(): void {
  let asked = '';
  let pause: ReturnType<typeof setTimeout> | null = null;
  effect(() => {
    const next = queryOf(filter.value, PAGE, null);
    if (next === asked) return;
    if (pause !== null) clearTimeout(pause);
    pause = setTimeout(() => void refresh(true), asked === '' ? 0 : 200);
    asked = next;
  });
  const look = () => {
    if (document.visibilityState === 'visible' && loaded.peek()) void refresh(false);
  };
  document.addEventListener('visibilitychange', look);
  addEventListener('online', look);
  addEventListener('pageshow', (event) => event.persisted && look());
}
