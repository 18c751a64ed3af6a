/** What goes from the worker to the page, and back. */
import type { LogChange, LogScope } from './log.js';
import type { Connection, Hit, Look, Moment, Notice, Timeline } from './moment.js';
import type { Head, TestKey } from './run.js';
import type { Artifact, Attempt, Comparison, HistoryResult, Step, TestRow, TestTimes } from './test.js';

/** What the worker tells. All but frames and answers come together, at most every 100 ms. */
export type FromWorker =
  | { type: 'head'; head: Head }
  | { type: 'connection'; connection: Connection }
  | { type: 'moment'; moment: Moment }
  /** Tests that are new or changed. `reset`: forget all others. */
  | { type: 'tests'; reset: boolean; rows: TestRow[]; complete: boolean }
  /** The test that is open. `reset`: forget all steps. */
  | { type: 'detail'; key: TestKey; reset: boolean; attempts: Attempt[]; steps: Step[]; loading: boolean; omitted: number }
  | { type: 'log'; change: LogChange }
  | { type: 'timeline'; timeline: Timeline }
  | { type: 'artifacts'; reset: boolean; rows: Artifact[] }
  | { type: 'notice'; notice: Notice }
  /** A picture of a screen. `width` and `height`: of the page that it shows, if that was told. */
  | { type: 'frame'; stream: string; picture: ImageBitmap; testId: string | null; at: number; width?: number | null; height?: number | null }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'refusal'; id: number; code: string; detail: string; members: Record<string, unknown> };

/** Requests that have an answer: their parameters, and what it is. */
export interface Calls {
  command: [{ command: Record<string, unknown> & { type: string }; options?: Record<string, unknown> }, { commandId: string; state: string }];
  takeControl: [{ steal: boolean }, null];
  releaseControl: [null, null];
  /** Posts a `control_wanted`: whoever has control sees that one would like to have it. */
  askControl: [{ name: string }, null];
  search: [{ q: string; types?: string[]; test?: TestKey; after?: string; limit?: number }, { hits: Hit[]; cursor: string; more: boolean }];
  history: [{ tests: TestKey[] }, { tests: { key: TestKey; results: HistoryResult[] }[] }];
  compare: [{ with?: string }, Comparison];
  /** When the tests ran, up to an event. Refused for runs that are too long to read. */
  times: [{ until: number }, { tests: TestTimes[] }];
  /** The raw event. */
  event: [{ seq: number }, Record<string, unknown>];
}

/** What the page asks for. */
export type ToWorker =
  | { type: 'open'; baseUrl: string; runId: string; user: string; clientId: string; at: number | null; phone: boolean }
  | { type: 'name'; user: string }
  /** Who one is to the server, where it knows that by a credential. */
  | { type: 'me'; subject: string }
  | { type: 'look'; look: Look }
  | { type: 'test'; key: TestKey | null }
  /** Chooses the log's rows; `seq`: around this event; missing: its end. */
  | { type: 'log'; log: number; scope: LogScope; seq?: number }
  | { type: 'more-log'; log: number; side: 'earlier' | 'later' }
  | { type: 'moment'; to: { seq: number } | { at: number } | 'live' }
  | { type: 'visible'; visible: boolean }
  /** Connect now, and wait no longer. */
  | { type: 'retry' }
  | { type: 'call'; id: number; method: keyof Calls; params: unknown };
