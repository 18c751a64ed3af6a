/** What the list knows, as signals. `feed.ts` fills it. */
import { computed, effect, signal } from '@preact/signals';

import { matches, readUrl, urlOf, type Filter } from './filter.js';
import type { Group, RunRow } from './rows.js';
import { hold, sectionsOf, type Section } from './sections.js';

/** Runs that are kept on the page. */
export const MOST_ROWS = 1_000;

export const filter = signal<Filter>(readUrl(location.search));

const byId = new Map<string, RunRow>();
/** Grows when a run has changed. */
export const version = signal(0);
/** The run with an id. Components that call it are drawn again when any run changes. */
export function runOf(runId: string): RunRow | undefined {
  void version.value;
  return byId.get(runId);
}

/** Numbers of runs per group; null: the server does not tell. */
export const groups = signal<Record<Group, number> | null>(null);
export const projects = signal<string[]>([]);
/** Where the next page begins. */
export const cursor = signal<string | null>(null);
/** The first page is there. */
export const loaded = signal(false);
/** A page is on its way. */
export const loading = signal(false);
/** Why there is no list; null: there is. */
export const refusal = signal<string | null>(null);
/** Whether there is none because nobody is signed in. */
export const signedOut = signal(false);
/** Whether there is any run at all, without a filter; null: not known. */
export const anyRun = signal<boolean | null>(null);

/** How the list is kept up to date, and since when it is not. */
export const live = signal<{ by: 'stream' | 'polling'; awaySince: number | null }>({ by: 'stream', awaySince: null });

/** The server's clock less this machine's. */
export const offset = signal(0);
/** Now, by the server's clock, each second; and each minute. */
export const clock = signal(Date.now());
export const minute = computed(() => Math.floor(clock.value / 60_000) * 60_000);
setInterval(() => {
  clock.value = Date.now() + offset.peek();
}, 1_000);

/** Milliseconds for which the order stays after somebody has pointed at the list, or moved in it by keys. */
const POINTED_MS = 30_000;
const pointed = signal(false);
let resting: ReturnType<typeof setTimeout> | null = null;

/** Somebody points at the list: its order stays, but not for ever if the pointer is left lying there. */
export function point(): void {
  if (resting !== null) clearTimeout(resting);
  resting = setTimeout(leave, POINTED_MS);
  pointed.value = true;
}

/** Nobody points at the list. */
export function leave(): void {
  if (resting !== null) clearTimeout(resting);
  resting = null;
  pointed.value = false;
}

const released = signal(0);

/** Takes rows: adds them, or puts them in the place of what was known of them. */
export function take(rows: readonly RunRow[], reset = false): void {
  if (reset) byId.clear();
  for (const row of rows) {
    if (!byId.has(row.runId) && byId.size >= MOST_ROWS) dropOldest();
    byId.set(row.runId, row);
  }
  version.value += 1;
}

function dropOldest(): void {
  let oldest: RunRow | undefined;
  for (const row of byId.values()) if (oldest === undefined || row.lastEventAt < oldest.lastEventAt) oldest = row;
  if (oldest !== undefined) byId.delete(oldest.runId);
}

/** Forgets runs that were deleted. */
export function forget(runIds: readonly string[]): void {
  for (const runId of runIds) byId.delete(runId);
  version.value += 1;
}

/** What is known of a run. */
export function known(runId: string): RunRow | undefined {
  return byId.get(runId);
}

/** Number of runs that are known. */
export function size(): number {
  return byId.size;
}

const wanted = computed<Section[]>(() => {
  void version.value;
  void minute.value;
  const now = clock.peek();
  const asked = filter.value;
  return sectionsOf(
    [...byId.values()].filter((row) => matches(row, asked, now)),
    now,
  );
});

/** What is drawn, and what waits until nobody points at the list. */
export const shown = signal<{ sections: readonly Section[]; waiting: number }>({ sections: [], waiting: 0 });
let shownFor = '';
let freed = 0;
effect(() => {
  void released.value;
  const next = wanted.value;
  const asked = JSON.stringify(filter.peek());
  const before = shown.peek();
  const keepsOrder = pointed.value && shownFor === asked && before.sections.length > 0 && freed === released.peek();
  freed = released.peek();
  shownFor = asked;
  if (keepsOrder) {
    shown.value = hold(before.sections, next);
  } else {
    shown.value = { sections: next, waiting: 0 };
  }
});

/** Shows what waits. */
export function release(): void {
  released.value += 1;
}

/** Number of runs that are drawn. */
export const drawn = computed(() => shown.value.sections.reduce((sum, { runs }) => sum + runs.length, 0));

/** Runs that go on now. */
export const now = computed(() => {
  if (groups.value !== null) return groups.value.needsYou + groups.value.running;
  void version.value;
  return [...byId.values()].filter(({ over }) => !over).length;
});

/** Chooses by something else; it stands in the URL from then on. */
export function choose(change: Partial<Filter>): void {
  filter.value = { ...filter.peek(), ...change };
  history.replaceState(null, '', location.pathname + urlOf(filter.peek()));
}
addEventListener('popstate', () => {
  filter.value = readUrl(location.search);
});
