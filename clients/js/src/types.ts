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
  /** How the run stands: its status, and what it waits for. */
  word: RunWord;
  /** What the run is about. This and the members below are null until the run is summed up, a second or so behind its log. */
  meta: RunMeta | null;
  /** Number of tests by status. */
  counts: Record<string, number> | null;
  /** Number of tests by outcome: `expected`, `unexpected`, `flaky`, `skipped`. */
  outcomes: Record<string, number> | null;
  /** Number of tests, and of test workers, as they were announced. */
  total: number | null;
  workers: number | null;
  startedAt: string | null;
  endedAt: string | null;
  /** From the start to the end, or to the last event so far. */
  elapsedMs: number | null;
  /** Of the first test that failed; of the run itself where no test has. */
  firstError: { testId: string | null; title: string | null; message: string } | null;
  /** Of the open questions the one that ends soonest. */
  ask: { askId: string; question: string; expiresAt: string | null } | null;
  /** The pause that goes on. */
  paused: { by: { name: string; [member: string]: unknown }; until: string } | null;
  [member: string]: unknown;
}

/** How a run in the list stands. */
export type RunWord =
  | 'needs_you' | 'failing' | 'running' | 'paused' | 'waiting' | 'passed' | 'failed' | 'cancelled' | 'lost' | 'stalled'
  | 'interrupted' | 'timedout';

/** A group of runs in the list. */
export type RunGroup = 'needsYou' | 'running' | 'failed' | 'flaky' | 'passed' | 'cancelled';

/** What a run is about, as its producers tell. */
export interface RunMeta {
  project?: string;
  number?: number;
  title?: string;
  branch?: string;
  commit?: string;
  author?: string;
  ciUrl?: string;
  labels?: string[];
}

export interface RunQuery {
  /** Only runs with this status or word, or with one of these. */
  status?: RunStatus | RunWord | readonly (RunStatus | RunWord)[];
  /** Only runs of this group. */
  group?: RunGroup;
  /** Only runs whose id, project, title, branch, commit, author or `#number` has all these words, in any case. */
  q?: string;
  /** Only runs of this project; `-`: of none. */
  project?: string;
  /** Only runs of this branch. */
  branch?: string;
  /** Only runs of this author, in any case. */
  author?: string;
  /** Only runs with this label. */
  label?: string;
  /** Only runs that began since this time, or so long ago: `7d`, `24h`, `30m`. */
  since?: Date | string;
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

/**
 * A test whose history is asked for: in one variant (null: in none), or by its id alone. Ids alone are shown in all
 * variants in which the run has a result; an id beside others that name a variant is one in none.
 */
export type HistoryTest = string | { testId: string; variant: string | null };

/** How tests ended in the last runs of a project, up to a run. */
export interface RunHistory {
  runId: string;
  /** The run's project; `-`: none. */
  project: string;
  tests: TestHistory[];
}

/** The last results of a test, the oldest first. */
export interface TestHistory {
  testId: string;
  variant: string | null;
  results: TestResult[];
}

/** How a test ended in a run. */
export interface TestResult {
  runId: string;
  number: number | null;
  outcome: 'expected' | 'unexpected' | 'flaky' | 'skipped';
  status: TestStatus;
  durationMs: number | null;
  attempts: number;
  /** The first line of the error of the attempt that failed last, and where that was. */
  error: string | null;
  location: string | null;
  /** When the run began. */
  at: string;
  branch: string | null;
  commit: string | null;
  /** It is that of the run that was asked for. */
  current: boolean;
}

/** What has changed since another run. */
export interface RunComparison {
  runId: string;
  /** The other run; null if there is none. */
  with: {
    runId: string; number: number | null; branch: string | null; commit: string | null; word: RunWord | null;
    createdAt: string; endedAt: string | null;
  } | null;
  counts: { fixed: number; failing: number; stillFailing: number; flaky: number };
  /** Tests that failed before and do not now; that fail now and did not before; that are flaky now and were not. 100 at most. */
  fixed: ComparedTest[];
  failing: ComparedTest[];
  flaky: ComparedTest[];
  /** Number of tests that have ended in this run alone. */
  added: number;
  /** Number of tests that had ended in the other one alone; null while the run goes on. */
  removed: number | null;
  elapsedMs: { now: number | null; before: number | null };
  /** The 10 that took longest. */
  slowest: {
    testId: string; variant: string | null; title: string | null; project: string | null;
    durationMs: number | null; before: number | null;
  }[];
}

/** A test in a comparison. */
export interface ComparedTest {
  testId: string;
  variant: string | null;
  title: string | null;
  /** The project of its test runner. */
  project: string | null;
  error: string | null;
}
