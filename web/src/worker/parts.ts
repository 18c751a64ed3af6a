/** The parts of a session that show more than how the run is: log, open test, moments, and answers to what is asked. */
import type { Viewer } from '@runcast/client';

import { Calls } from './calls.js';
import { DetailFeed } from './detail-feed.js';
import type { Follow } from './follow.js';
import type { RunFold } from './fold.js';
import { Log } from './log.js';
import { RunSource, TestSource } from './log-source.js';
import { momentRun } from './moment-run.js';
import { Moments } from './moments.js';
import { partsOf, type RunEvent } from './read.js';
import type { RunView } from './view.js';

/** What the parts need of the session. */
export interface PartsSession {
  readonly run: Follow;
  /** The run as the page shows it. */
  readonly shown: RunView | null;
  /** Shows a moment of the past; null: the run as it is now. */
  show(fold: RunFold | null): void;
  /** Something is to be told. */
  touch(): void;
}

export class Parts {
  readonly log: Log;
  readonly detail: DetailFeed;
  readonly moments: Moments;
  readonly calls: Calls;

  constructor(session: PartsSession, viewer: Viewer) {
    const { http, history, dividers, columns } = session.run;
    const touch = () => session.touch();
    const context = {
      keyOf: (event: RunEvent) => session.shown?.fold.keyOf(event) ?? null,
      named: (key: string) => session.shown?.named(key) ?? null,
      slotLabel: (key: string, attempt: number | null) => session.shown?.slotLabel(key, attempt) ?? null,
      placeOf: (key: string, attempt: number | null) => session.shown?.placeOf(key, attempt) ?? null,
      until: () => session.shown?.seq ?? 0,
      touch,
    };
    this.log = new Log({
      ...context,
      firstAvailable: () => history.firstAvailable,
      dividers,
      source: (scope) =>
        scope.of === 'test' ? new TestSource(http, history, partsOf(scope.key)) : new RunSource(history),
    });
    this.detail = new DetailFeed(http, history, {
      ...context,
      isOver: () => session.shown?.isOver ?? false,
      labelOf: (producer, slot) => session.shown?.slots.label(producer, slot) ?? String(slot),
    });
    this.calls = new Calls(viewer, http, history, { ...context, timeOf: (seq) => columns.time(seq) });
    this.moments = new Moments(momentRun(session.run, (fold) => session.show(fold), touch));
  }
}
