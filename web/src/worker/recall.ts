/** What the page is told of a run that has gone on for some time, besides its state: its timeline, when tests began. */
import type { TestKey } from '../model.js';
import type { RunFold } from './fold.js';
import { eventsOf } from './history.js';
import { Pages } from './pages.js';
import { keyOf, listOf, type Members, membersOf, numberOf, textOf, timeOf } from './read.js';
import type { Follow } from './follow.js';
import type { Overview } from './states.js';
import { Steered } from './steered.js';
import type { Mark } from './timeline.js';

const BINS = 200;
/** Up to so many events all of them are read: that is few requests, and tells the most. */
export const FEW_EVENTS = 3_000;

/** Puts what was told into what is known, and says of which tests the rows have changed. */
export type Recalled = (fold: RunFold) => TestKey[];

/** The timeline as the server tells it. Rejects if it can't: then the timeline begins with what comes. */
export async function serverTimeline(run: Follow, state: Overview, signal: AbortSignal): Promise<Recalled> {
  const { http, bins, columns, facts } = run;
  const answer = await http.insist(() => http.json<Members>('/timeline', { bins: BINS }, signal), signal);
  const told = listOf(answer['bins']).map((one) => {
    const { seq, at, events } = membersOf(one);
    return { seq: numberOf(seq) ?? 0, at: timeOf(at) ?? numberOf(at), events: numberOf(events) ?? 0 };
  });
  const marks = listOf(answer['marks']).map((one): Mark => {
    const { seq, at, kind, testId, variant } = membersOf(one);
    const id = textOf(testId);
    const test = id === null ? null : keyOf(textOf(variant), id);
    return { seq: numberOf(seq) ?? 0, at: timeOf(at) ?? numberOf(at) ?? 0, kind: kind as Mark['kind'], test };
  });
  const tip = numberOf(answer['tip']) ?? 0;
  return () => {
    const later = bins.isEmpty ? [] : bins.timeline.marks.filter(({ seq }) => seq > tip);
    bins.begin({ tip, bins: told, marks }, timeOf(state.startedAt) ?? told[0]?.at ?? 0);
    for (let seq = Math.max(tip + 1, columns.first); columns.length > 0 && seq <= columns.last; seq += 1) {
      bins.add(seq, columns.time(seq) ?? 0);
    }
    for (const mark of later) bins.mark(mark);
    const failed = marks.filter(({ kind }) => kind === 'failed' || kind === 'flaky');
    return failed.flatMap(({ test, seq }) => {
      if (test === null) return [];
      facts.failed(test, seq);
      return [test];
    });
  };
}

/** The last events before those that come: they tell when the tests that run began. */
export async function lastEvents(run: Follow, seq: number, signal: AbortSignal): Promise<Recalled> {
  const page = await run.history.page(Pages.number(seq), signal, seq);
  return (fold) => {
    const keys = new Set<TestKey>();
    for (const event of eventsOf(page, 1, seq).reverse()) {
      const key = fold.keyOf(event);
      if (key !== null && run.facts.recall(key, event)) keys.add(key);
    }
    return [...keys];
  };
}

/** The last events about steering before those that come. */
export async function lastSteered(run: Follow, seq: number, signal: AbortSignal): Promise<Recalled> {
  const { http } = run;
  const query = { types: Steered.TYPES.join(','), before: seq + 1, limit: 50 };
  const page = await http.insist(() => http.lines(query, signal), signal);
  const events = [...page.lines].filter((event) => event.seq <= seq && Steered.TYPES.includes(event.type));
  return () => {
    const before = new Steered();
    for (const event of events) before.take(event);
    run.steered.follow(before);
    return [];
  };
}

/** Which events have expired. */
export async function expired(run: Follow, signal: AbortSignal): Promise<Recalled> {
  const { gapTo } = await run.http.insist(() => run.http.lines({ after: 0, limit: 1 }, signal), signal);
  return () => {
    if (gapTo !== null) run.history.firstAvailable = Math.max(run.history.firstAvailable, gapTo + 1);
    return [];
  };
}
