/** What the page is told first of a run that goes on for some time: its timeline, and when its tests began. */
import { ApiError } from '@runcast/client';

import type { RunFold } from './fold.js';
import { eventsOf } from './history.js';
import { Pages } from './pages.js';
import { keyOf, listOf, type Members, membersOf, numberOf, textOf, timeOf } from './read.js';
import type { Session } from './session.js';
import { type Overview, seqIn } from './states.js';
import type { Mark } from './timeline.js';

const BINS = 200;
/** Up to so many events, those are counted themselves. */
const FEW_EVENTS = 3_000;

/** Begins the timeline with what the server tells; a server that can't, leaves it to what comes. */
export async function serverTimeline(session: Session, state: Overview, signal: AbortSignal): Promise<void> {
  if (seqIn(state) <= FEW_EVENTS) return;
  try {
    const answer = await session.http.json<Members>('/timeline', { bins: BINS }, signal);
    const bins = listOf(answer['bins']).map((one) => {
      const { seq, at, events } = membersOf(one);
      return { seq: numberOf(seq) ?? 0, at: timeOf(at) ?? numberOf(at), events: numberOf(events) ?? 0 };
    });
    const marks = listOf(answer['marks']).map((one): Mark => {
      const { seq, at, kind, testId, variant } = membersOf(one);
      const id = textOf(testId);
      const test = id === null ? null : keyOf(textOf(variant), id);
      return { seq: numberOf(seq) ?? 0, at: timeOf(at) ?? numberOf(at) ?? 0, kind: kind as Mark['kind'], test };
    });
    session.bins.begin({ tip: numberOf(answer['tip']) ?? 0, bins, marks }, timeOf(state.startedAt) ?? bins[0]?.at ?? 0);
    for (const { kind, test, seq } of marks) {
      if ((kind === 'failed' || kind === 'flaky') && test !== null) session.facts.failed(test, seq);
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Looks at the last events before those that come: they tell when the tests that run began. */
export async function recall(session: Session, fold: RunFold, signal: AbortSignal): Promise<void> {
  if (fold.seq === 0) return;
  const page = await session.history.page(Pages.number(fold.seq), signal, fold.seq);
  for (const event of eventsOf(page, 1, fold.seq).reverse()) {
    const key = fold.keyOf(event);
    if (key !== null) session.facts.recall(key, event);
  }
}
