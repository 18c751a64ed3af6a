/** The order of the list, and its headings. Pure. */
import type { RunRow } from './rows.js';

/** Runs under a heading. */
export interface Section {
  title: string;
  runs: string[];
}

const URGENT: Partial<Record<RunRow['word'], number>> = { needs_you: 0, failing: 1, stalled: 2, running: 3, paused: 4, waiting: 5, queued: 5 };

/** The local day of a time, as a number that grows by one each day. */
function dayOf(at: number): number {
  const date = new Date(at);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

/** The heading of runs that are over: `Today`, `Yesterday`, `Monday, November 23`, with the year if it is another one. */
export function dayTitle(at: number, now: number): string {
  const days = dayOf(now) - dayOf(at);
  if (days <= 0) return 'Today';
  if (days === 1) return 'Yesterday';
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return new Intl.DateTimeFormat('en', {
    weekday: 'long', month: 'long', day: 'numeric', ...(sameYear ? {} : { year: 'numeric' }),
  }).format(at);
}

/** Runs under their headings: those that go on, the most urgent first; then by day, the newest first. */
export function sectionsOf(rows: Iterable<RunRow>, now: number): Section[] {
  const live: RunRow[] = [];
  const over: RunRow[] = [];
  for (const row of rows) (row.over ? over : live).push(row);
  const newest = (one: RunRow, other: RunRow) => other.startedAt - one.startedAt || (one.runId < other.runId ? -1 : 1);
  live.sort((one, other) => (URGENT[one.word] ?? 9) - (URGENT[other.word] ?? 9) || newest(one, other));
  over.sort(newest);
  const sections: Section[] = live.length === 0 ? [] : [{ title: 'Now', runs: live.map(({ runId }) => runId) }];
  for (const row of over) {
    const title = dayTitle(row.startedAt, now);
    const last = sections.at(-1);
    if (last?.title === title) last.runs.push(row.runId);
    else sections.push({ title, runs: [row.runId] });
  }
  return sections;
}

/**
 * The list while somebody points at it: what is there stays where it is. What was loaded behind it is added there.
 * `waiting`: runs that come as soon as they may.
 */
export function hold(shown: readonly Section[], wanted: readonly Section[]): { sections: Section[]; waiting: number } {
  const known = new Set(shown.flatMap(({ runs }) => runs));
  const all = wanted.flatMap(({ title, runs }) => runs.map((run) => ({ title, run })));
  let end = all.length;
  while (end > 0 && !known.has(all[end - 1]!.run)) end -= 1;
  const sections = shown.map(({ title, runs }) => ({ title, runs: [...runs] }));
  for (const { title, run } of end === 0 ? [] : all.slice(end)) {
    const last = sections.at(-1);
    if (last?.title === title) last.runs.push(run);
    else sections.push({ title, runs: [run] });
  }
  return { sections, waiting: all.slice(0, end).filter(({ run }) => !known.has(run)).length };
}
