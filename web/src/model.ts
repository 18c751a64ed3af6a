/**
 * What the worker tells the page, and what the page asks of it. Times are milliseconds since 1970 by the server's clock,
 * durations milliseconds. Everything here is plain data: it is copied from one thread to the other.
 */

/** A test in a variant of the run. Opaque; it is the same for the life of the page, and in links. */
export type TestKey = string;

/** The word of a run, as the bar shows it in capitals. */
export type Word =
  | 'waiting' // nothing was posted yet
  | 'queued'
  | 'running'
  | 'failing' // it runs, and a test has failed
  | 'needs_you' // somebody is asked
  | 'paused'
  | 'stalled' // it runs, and there is no sign of its workers
  | 'passed'
  | 'failed'
  | 'timedout'
  | 'interrupted'
  | 'cancelled'
  | 'lost';

/** Numbers of tests. Each test is counted once. */
export interface Counts {
  failed: number;
  flaky: number;
  passed: number;
  skipped: number;
  running: number;
  /** Planned, and not begun; also those that were announced by number alone. */
  queued: number;
  /** Questions that are open. */
  asks: number;
}

/** Somebody who gave a command, or has control. */
export interface Person {
  subject: string;
  name: string;
  kind: string;
}

/** What a run is about. */
export interface Meta {
  project?: string;
  number?: number;
  title?: string;
  branch?: string;
  commit?: string;
  author?: string;
  ciUrl?: string;
  labels?: string[];
}

/** A place in which a producer runs one test at a time: a tab of the screens, a lane, a tile of the wall. */
export interface Slot {
  producer: string;
  slot: number;
  /** The name of its screen's stream: `producer/slot`. */
  stream: string;
  /** What people call it: a small number, `2.0` where several producers have joined. */
  label: string;
  /** The test that runs there, or that ran there last. */
  test: TestKey | null;
  running: boolean;
  /** It waits in a pause. */
  paused: boolean;
}

/** A producer that has joined. */
export interface Producer {
  producer: string;
  /** `joined`, `silent`, `left`, `ended`, `lost`, as the server says it. */
  state: string;
  variant: string | null;
  shard: { current: number; total: number } | null;
  /** The commands that it obeys; null: all. */
  can: string[] | null;
}

/** A command, and what became of it. */
export interface Command {
  commandId: string;
  type: string;
  state: string;
  at: number;
  by: Person;
  /** Seq of the event that gave it. */
  seq: number;
  expiresAt: number | null;
  producer: string | null;
  detail: string | null;
  result: unknown;
  /** The event, of those that are open. */
  event: Record<string, unknown> | null;
  /** The producer that it is for; missing or null: all. */
  target?: string | null;
}

/** An area of a picture. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Something that one may choose as the answer. */
export interface Candidate {
  id: string;
  label: string;
  selector: string | null;
  /** Where it is in the picture, in its pixels. */
  box: Box | null;
  /** 0 to 1. */
  score: number | null;
}

/** A question that is open. */
export interface Ask {
  askId: string;
  /** Seq of the event that asked it. */
  seq: number;
  at: number;
  producer: string;
  test: TestKey | null;
  needs: 'click' | 'text' | 'choice' | 'credential' | 'decision' | (string & {});
  question: string;
  goal: string | null;
  attempts: string[];
  lastError: string | null;
  candidates: Candidate[];
  /** Name of the artifact with the picture. */
  screenshot: string | null;
  url: string | null;
  /** Until when; null: until the run ends. */
  expiresAt: number | null;
  /** What its producer does then, in the words of the protocol: `skip`, `fail`, `continue`, `wait`. */
  onTimeout: string;
  /** The candidate, or the text, that it goes on with then. */
  onTimeoutValue: string | null;
  secret: boolean;
}

/** A question that has ended. */
export interface EndedAsk {
  askId: string;
  how: 'answered' | 'expired' | 'interrupted';
  /** When. */
  at: number;
  /** Who answered it. */
  by: Person | null;
  /** The command that answered it. */
  commandId: string | null;
}

/** The run as a whole. */
export interface Head {
  runId: string;
  /** Seq up to which everything here is. */
  seq: number;
  word: Word;
  /** The run's status as its producers tell it. */
  status: string | null;
  over: boolean;
  counts: Counts;
  /** Number of tests: planned, or announced. */
  total: number;
  startedAt: number | null;
  endedAt: number | null;
  lastEventAt: number | null;
  /** How long it took so far, pauses left out; it grows with the clock while `ticking`. */
  elapsedMs: number | null;
  /** When `elapsedMs` was so much. */
  elapsedAt: number;
  ticking: boolean;
  /** About how much longer, if that can be said. */
  leftMs: number | null;
  meta: Meta;
  workers: number | null;
  lastError: { message: string; at: number } | null;
  variants: string[];
  shards: { variant: string | null; total: number; joined: number; missing: number[]; waiting: boolean }[];
  slots: Slot[];
  producers: Producer[];
  control: {
    holder: Person | null;
    lease: string | null;
    since: number | null;
    mine: boolean;
    /** Who asked the holder for control last, since the holder took it. */
    wantedBy?: { name: string; at: number } | null;
  };
  paused: { since: number; until: number; by: Person } | null;
  commands: Command[];
  asks: Ask[];
  /** The last few questions that have ended, the newest last. */
  endedAsks?: EndedAsk[];
  /** Whether failing tests are held open. */
  holdsOnFailure: boolean;
  /** Whether anybody obeys commands now. */
  steerable: boolean;
  /** Number of viewers on all nodes; null: not known. */
  viewers: number | null;
  /** The first event that is still there; 1, unless events have expired. */
  firstAvailable: number;
}

/** A test as the tree shows it. */
export interface TestRow {
  key: TestKey;
  testId: string;
  variant: string | null;
  /** Titles of its groups, then its own. */
  path: string[];
  file: string | null;
  line: number | null;
  project: string | null;
  tags: string[];
  annotations: { type: string; description: string | null }[];
  /** Its place in the order in which the run told of tests. */
  order: number;
  status: 'pending' | 'running' | 'passed' | 'failed' | 'skipped' | 'timedout' | 'interrupted';
  outcome: 'expected' | 'unexpected' | 'flaky' | 'skipped' | null;
  /** The attempt that began last, from 0. */
  attempt: number;
  producer: string | null;
  slot: number | null;
  /** Label of its slot. */
  slotLabel: string | null;
  /** When the attempt began, if that is known. */
  startedAt: number | null;
  /** When the first attempt began, if there were several. */
  firstStartedAt?: number | null;
  durationMs: number | null;
  /** The error's message, as it came: escapes of colours are in it. Of a flaky test that of the attempt that failed. */
  error: string | null;
  errorLocation: string | null;
  /** What it does now. */
  step: {
    id: string;
    title: string;
    subtitle: string | null;
    startedAt: number | null;
    /** Where its target is on the page, in the page's pixels: `params.box`, if its event has one. */
    box?: Box | null;
  } | null;
  /** The page that it is on: `params.url` of the attempt's last step that has one. */
  url?: string | null;
  /** Seq of the event after which it had failed; null: it has not, or that is not known. */
  failedSeq: number | null;
  /** It waits in a pause. */
  paused: boolean;
  /** The question that it asks. */
  askId: string | null;
  /** It is kept open after its failure. */
  held: boolean;
}

/** An error as a producer told it: texts have the escapes of colours in them. */
export interface ErrorInfo {
  message: string;
  location: string | null;
  snippet: string | null;
  stack: string | null;
}

/** A file that a test or a step left. */
export interface Attachment {
  name: string;
  contentType: string | null;
  size: number | null;
  /** Name of the artifact that it was uploaded as. */
  artifact: string | null;
  /** Why it was not uploaded. */
  note: string | null;
}

/** An attempt at the test that is open. */
export interface Attempt {
  attempt: number;
  status: TestRow['status'];
  /** What was expected of it. */
  expected: string | null;
  startedAt: number | null;
  durationMs: number | null;
  holdMs: number | null;
  producer: string | null;
  slot: number | null;
  slotLabel: string | null;
  errors: ErrorInfo[];
  attachments: Attachment[];
  annotations: { type: string; description: string | null }[];
  traceId: string | null;
  /** Seqs of the events that begin and end it. */
  seq: number;
  endSeq: number | null;
}

/** A step of the test that is open. */
export interface Step {
  attempt: number;
  id: string;
  parent: string | null;
  title: string;
  subtitle: string | null;
  category: string | null;
  location: string | null;
  /** Who did it, if it was a person. */
  actor: string | null;
  state: 'running' | 'passed' | 'failed' | 'unended';
  startedAt: number;
  durationMs: number | null;
  pausedMs: number | null;
  error: ErrorInfo | null;
  attachments: Attachment[];
  params: unknown;
  /** Seqs of the events that begin and end it. */
  seq: number;
  endSeq: number | null;
}

/** An artifact of the run. */
export interface Artifact {
  artifactId: string;
  name: string;
  kind: string;
  contentType: string;
  test: string | null;
  size: number | null;
  storedSize: number | null;
  savedPercent: number | null;
  expiresAt: number | null;
  downloadUrl: string;
  traceUrl: string | null;
  seq: number | null;
  /** `ready` if it isn't said; `deleted` once its file is gone. */
  state?: 'pending' | 'ready' | 'failed' | 'deleted';
  /** What keeps it: `pin`, `rule:KIND` or `days`. */
  retainedBy?: string | null;
  createdAt?: number | null;
}

/** Text in one style. */
export interface Span {
  text: string;
  /** `0` to `15` or `#rrggbb`; missing: the default. */
  fg?: string;
  bg?: string;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  strike?: boolean;
  /** `fg` and `bg` change places. */
  inverse?: boolean;
}

/** A row of the log: one line. */
export interface LogRow {
  /** Seq of its event, and which line of it. */
  seq: number;
  line: number;
  at: number;
  kind: 'log' | 'error' | 'test' | 'ask' | 'command' | 'status' | 'notice' | 'divider';
  /** Of boundaries of tests: the state whose icon is shown. */
  state?: string;
  slotLabel: string | null;
  test: TestKey | null;
  spans: Span[];
  /** How often a line of progress was written again, if it was. */
  updates?: number;
}

/** Which rows the log has. */
export type LogScope =
  | { of: 'run' }
  | { of: 'slot'; producer: string; slot: number }
  | { of: 'test'; key: TestKey };

/** How the log on the page changes. Rows are dropped, then added. */
export interface LogChange {
  /** Which log: the number of the request that chose it. Others are out of date. */
  log: number;
  reset?: boolean;
  dropFirst?: number;
  dropLast?: number;
  prepend?: LogRow[];
  append?: LogRow[];
  /** Whether there are rows before the first, or behind the last, that can be asked for. */
  earlier: boolean;
  later: boolean;
}

/** The connection to the server. */
export interface Connection {
  status: 'connecting' | 'catching-up' | 'live' | 'polling' | 'reconnecting' | 'closed';
  since: number;
  /** Events that the page has, and that there are. */
  seq: number;
  tip: number;
  /** How old the newest event was when it came. */
  behindMs: number | null;
  /** When the next attempt is made. */
  retryAt: number | null;
  /** Why it is not live. */
  error: string | null;
  closeCode: number | null;
  /** The server's clock less this machine's. */
  clockOffsetMs: number;
}

/** Which moment is shown. */
export interface Moment {
  live: boolean;
  seq: number;
  at: number | null;
  /** The state of that moment is on its way. */
  loading: boolean;
}

/** Events over the time of the run. */
export interface Timeline {
  /** From when, until when. */
  from: number;
  to: number;
  /** Events of each bin; all bins are equally long. */
  bins: number[];
  /** Seq of the last event of each bin. */
  seqs: number[];
  marks: { seq: number; at: number; kind: 'failed' | 'flaky' | 'ask' | 'paused' | 'ended'; test: TestKey | null }[];
}

/** Something that is to be said once. */
export type Notice =
  | { kind: 'gap'; from: number; to: number }
  | { kind: 'reset'; from: number }
  | { kind: 'missed'; events: number; from: number };

/** A place that was found. */
export interface Hit {
  seq: number;
  type: string;
  test: TestKey | null;
  line: number;
  excerpt: string;
  ranges: [number, number][];
  /** When; null: not known. */
  at: number | null;
}

/** Which screens are wanted. */
export interface Look {
  screen: 'auto' | 'wall' | (string & {}) | false;
  maxFps?: number;
  maxWidth?: number;
}

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
  /** The raw event. */
  event: [{ seq: number }, Record<string, unknown>];
}

/** A result of a test in a run. */
export interface HistoryResult {
  runId: string;
  number: number | null;
  outcome: string;
  status: string;
  durationMs: number | null;
  attempts: number;
  error: string | null;
  location: string | null;
  at: number;
  branch: string | null;
  commit: string | null;
  /** It is that of this run. */
  current: boolean;
}

/** This run beside another one. */
export interface Comparison {
  with: { runId: string; number: number | null; branch: string | null } | null;
  fixed: ComparedTest[];
  failing: ComparedTest[];
  flaky: ComparedTest[];
  /** Whole numbers; the lists have the first 100. */
  counts: { fixed: number; failing: number; flaky: number };
  elapsedMs: { now: number | null; before: number | null };
  slowest: (ComparedTest & { durationMs: number; before: number | null })[];
}

export interface ComparedTest {
  key: TestKey;
  title: string;
  project: string | null;
}

/** What the page asks for. */
export type ToWorker =
  | { type: 'open'; baseUrl: string; runId: string; user: string; clientId: string; at: number | null; phone: boolean }
  | { type: 'name'; user: string }
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
