import type { EventBase, EventMap, RunStatus, TestStatus } from './generated/index.js';
import { FINAL_RUN_STATUSES } from './generated/index.js';

/** An event of a run's log. {@link isEvent} tells its type. */
export type RunEvent = EventBase;

/** Whether an event is of a type that means something to the server, with the members of that type. */
export function isEvent<T extends keyof EventMap>(event: RunEvent, type: T): event is EventMap[T] {
  return event.type === type;
}

/** Whether a status ends a run. */
export function isFinal(status: string | null | undefined): boolean {
  return FINAL_RUN_STATUSES.includes(status ?? '');
}

/** A place in a run's log: `epoch:seq`, all events up to `seq`; or `seq` while the run has no event. */
export type Cursor = string;

/**
 * How a watch is: `connecting` before the first connection; `catching-up` while older events come; `live`; `polling`:
 * live by pages, because no WebSocket gets through; `reconnecting`; `closed`.
 */
export type WatchStatus = 'connecting' | 'catching-up' | 'live' | 'polling' | 'reconnecting' | 'closed';

/** Which screens a watch is shown. */
export interface ScreenOptions {
  /** `auto`: one that the server chooses; `wall`: all, each once a second; a stream's name; false: none, the default. */
  screen?: 'auto' | 'wall' | (string & {}) | false;
  /** Most frames a second of each stream, 1 to 30. */
  maxFps?: number;
  /** How wide they need to be, in pixels, 1 to 8192: a hint for producers. */
  maxWidth?: number;
}

export interface WatchOptions extends ScreenOptions {
  /** Where to begin: behind a cursor; `latest`: with what comes from now on; `-100`: with the last 100. Missing: at the first. */
  after?: Cursor | 'latest' | number;
  /** Only events of these types. */
  types?: readonly string[];
  /** Only events of this test. */
  test?: string;
  /** Ends the watch. */
  signal?: AbortSignal;
}

/** A run's state, folded from its log. */
export interface RunState {
  runId: string;
  status: RunStatus | null;
  /** Up to where the log is in it. */
  cursor: Cursor;
  epoch: string | null;
  /** Number of events. */
  events: number;
  startedAt: string | null;
  endedAt: string | null;
  lastEventAt: string | null;
  /** From the start to the end, or to the last event so far. */
  elapsedMs: number | null;
  /** Number of tests by status. */
  counts: Record<string, number>;
  /** Viewers on all nodes; null while that is not known. */
  viewers: number | null;
  /** Failed and running tests, at most 500; {@link Run.tests} has all. */
  tests: TestState[];
  lastError: Record<string, unknown> | null;
  [member: string]: unknown;
}

/** A test's state. */
export interface TestState {
  testId: string;
  status: TestStatus | null;
  title: string | null;
  file: string | null;
  line: number | null;
  durationMs: number | null;
  error: string | null;
  [member: string]: unknown;
}

/** A run in the list. */
export interface RunSummary {
  runId: string;
  status: RunStatus | null;
  /** Number of events. */
  events: number;
  createdAt: string;
  lastEventAt: string;
  [member: string]: unknown;
}

export interface RunQuery {
  /** Only runs with this status. */
  status?: RunStatus;
  /** Runs of a page: how many are asked for at a time. */
  limit?: number;
  signal?: AbortSignal;
}

export interface PageQuery {
  /** Where to begin, as in {@link WatchOptions}. */
  after?: Cursor | 'latest' | number;
  /** Backwards: the last events before this one, page by page; `latest`: from the last one on. Not with `after`. */
  before?: Cursor | 'latest' | number;
  /** Only events of these types. */
  types?: readonly string[];
  /** Only events of this test. */
  test?: string;
  /** Only events that belong to this variant of the run. */
  variant?: string;
  /** Events of a page, at most 10,000. */
  limit?: number;
  signal?: AbortSignal;
}

export interface TestQuery {
  /** Only tests with this status, or one of these. */
  status?: TestStatus | readonly TestStatus[];
  /** As they were after this event. */
  at?: number;
  /** Only tests of this variant of the run. */
  variant?: string;
  /** Tests of a page: how many are asked for at a time, at most 1,000. */
  limit?: number;
  signal?: AbortSignal;
}

export interface StateQuery {
  /** As it was after this event; missing: as it is now. */
  at?: number;
  signal?: AbortSignal;
}

export interface SearchQuery {
  /** Only in events of these types. */
  types?: readonly string[];
  /** Only in events of this test. */
  test?: string;
  /** Only in events that belong to this variant of the run. */
  variant?: string;
  /** Only behind this event. */
  after?: Cursor | number;
  /** Hits of a page: how many are asked for at a time, at most 1,000. */
  limit?: number;
  signal?: AbortSignal;
}

/** A line that has what was searched for. */
export interface SearchHit {
  seq: number;
  type: string;
  testId?: string;
  variant?: string;
  /** Which line of its text, from 0. */
  line: number;
  /** The line, or the part of it around the first find. */
  excerpt: string;
  /** Where the finds are in the excerpt: `excerpt.slice(from, to)`. */
  ranges: [from: number, to: number][];
}

export interface TimelineQuery {
  /** How many bins, at most: 10 to 1,000. */
  bins?: number;
  signal?: AbortSignal;
}

/** A run over time. */
export interface RunTimeline {
  runId: string;
  /** The run's last event. */
  tip: number;
  /** Bins of equal time, from the first event to the last. */
  bins: TimelineBin[];
  /** The moments that people look for, at most 500. */
  marks: TimelineMark[];
}

export interface TimelineBin {
  /** The last event up to its end. */
  seq: number;
  /** When it ends, by the server's clock. */
  at: string;
  /** The highest time of events up to its end, by their own clocks. */
  sentAt: string | null;
  /** How many events are in it. */
  events: number;
}

export interface TimelineMark {
  seq: number;
  at: string;
  kind: 'failed' | 'flaky' | 'ask' | 'paused' | 'ended' | (string & {});
  testId?: string;
  variant?: string;
}
