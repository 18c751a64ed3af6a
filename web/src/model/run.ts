/** The run as a whole: how it is, who steers it, what is asked. */
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
