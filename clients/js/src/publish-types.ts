/** An event to post: a `type`, and whatever belongs to it. */
export interface NewEvent {
  /** 1 to 64 characters. */
  type: string;
  /** When it happened, RFC 3339. Missing: when it was emitted. */
  timestamp?: string;
  [member: string]: unknown;
}

/** What the server tells producers of the run's viewers. */
export interface Hints {
  /** Names these hints. */
  tag: string;
  /** How long events may be collected before they are posted, in milliseconds. */
  flushMs: number;
  /** Whether anybody watches; null while that is not known. */
  watched: boolean | null;
  /** The streams that somebody looks at; `auto`: the one of this producer that is most worth seeing. */
  screens: string[];
  /** All other streams are wanted once a second. */
  wall?: boolean;
  /** Most frames a second of each of `screens`. */
  maxFps?: number;
  /** How wide they need to be, in pixels. */
  maxWidth?: number;
  /** The live traces that somebody has open. */
  traces?: string[];
  /** The variant that this producer counts as. */
  variant?: string;
  /** The server's version, if this client is so old that it should be replaced. */
  clientOutdated?: string;
}

/** An event of the log by which somebody wants something of this producer. */
export interface CommandEvent {
  type: string;
  seq: number;
  /** The command; missing in those of the server's own, `ask_expired` for instance. */
  commandId?: string;
  [member: string]: unknown;
}

/** A command, as it is handed to the producer. */
export interface ReceivedCommand {
  /** Its place in the log. */
  cursor: string;
  /** How long it is good for, in milliseconds; null: for as long as nothing else is wanted. */
  leftMs: number | null;
  event: CommandEvent;
}

/** What a claim of an act gives. */
export interface Claim {
  /** Names the claim in the reports of what became of the act. */
  claim: string;
  /** The command as an event. */
  command: CommandEvent;
  /** The secret that belongs to it. */
  secret?: string;
}

/** What a producer says of a command. */
export interface ReportDetails {
  /** The claim; that of {@link Publisher.claim} is known. */
  claim?: string;
  /** The reason in words. */
  detail?: string;
  /** What came of it. */
  result?: unknown;
}

/** A question to the viewers of a run, the members of `ai_stuck`. */
export interface Question {
  /** Another one for each question; a UUIDv7 if it is missing. */
  askId?: string;
  needs: 'click' | 'text' | 'choice' | 'credential' | 'decision';
  /** The question in words. */
  message?: string;
  candidates?: { id: string; label: string; selector?: string; box?: unknown; score?: number }[];
  /** How long to wait, 5 to 86400; 300 if it is missing. */
  expiresInSecs?: number;
  /** What happens then. */
  onTimeout?: { action: 'fail' | 'skip' | 'continue' | 'wait'; value?: unknown };
  [member: string]: unknown;
}

/** What became of a question. */
export interface Answer {
  /** `answered`, another word of who answered (`skip` for instance), or `expired`: nobody did. */
  resolution: string;
  value?: unknown;
  candidateId?: string;
  point?: unknown;
  /** What to do when it expired. */
  action?: string;
  /** The event that says so; missing if the server was away for longer than the question waits. */
  event?: CommandEvent;
}

/** One screen of a stream. */
export interface FrameInfo {
  /** `image/jpeg` (the default), `image/png` or `image/webp`. */
  contentType?: 'image/jpeg' | 'image/png' | 'image/webp';
  /** In pixels. */
  width?: number;
  height?: number;
  /** The test that it shows. */
  testId?: string;
}

/** What to do with events that find the queue full. */
export type OnFull = 'drop-detail' | 'block' | 'throw';

/** How a producer posts. */
export interface PublishOptions {
  /** The producer's id; another one for each process. A UUIDv7 if it is missing. */
  producer?: string;
  /** Most events of a request: 500. */
  maxBatchEvents?: number;
  /** Most bytes of a request: 262144, 256 KiB. A larger event is a request of its own. */
  maxBatchBytes?: number;
  /** How long events are collected, in milliseconds: 250. The server's hints win. */
  flushMs?: number;
  /** The same while nobody watches: 2000. */
  idleFlushMs?: number;
  /** Bytes from which on a request is compressed: 1024. */
  gzipOver?: number;
  /** Bytes of all events that wait: 16777216, 16 MiB. Statuses and errors may take as much again. */
  queueBytes?: number;
  /**
   * What happens when the queue is full. `drop-detail`, the default: the steps of passed tests go, then log, then other
   * steps; the server notes how many in `events_lost`. `block`: `emit` returns a promise to wait for. `throw`: `emit`
   * throws a `QueueFullError`.
   */
  onFull?: OnFull;
  /**
   * In Node.js: the file to which events are added that could not be posted in the end; see `runcast publish`. A function
   * is called when there are any: it may make the file's directory.
   */
  spillFile?: string | (() => string);
  /** How long the end of the process, or `close`, waits for the server, in milliseconds: 15000. */
  closeTimeoutMs?: number;
  /** The variant of the run; added to the events of tests that have none, and to `worker`. */
  variant?: string;
  /** Asks for commands also while nothing is posted. Without it they come with the answers to posts. */
  commands?: boolean;
  /** Somebody wants something; each command comes once. */
  onCommand?(command: ReceivedCommand): void | Promise<void>;
  /** The server's hints have changed. */
  onHints?(hints: Hints): void;
  /** Something went wrong; the publisher goes on if it can. */
  onError?(problem: PublishProblem): void;
}

/** What went wrong. */
export type ProblemKind =
  | 'unreachable' // The server can't be reached, or takes nothing; told once, and again after it was back.
  | 'event-refused' // The server refuses an event; it is left out.
  | 'event-shortened' // An event was too large; a shorter one was posted in its place.
  | 'events-dropped' // The queue was full.
  | 'ended' // The run takes no more events.
  | 'spilled' // Events were written to the spill file.
  | 'lost' // Events could be neither posted nor written.
  | 'callback'; // A function that was given to the publisher threw.

/** Something went wrong while publishing. */
export class PublishProblem extends Error {
  override name = 'PublishProblem';
  constructor(
    readonly kind: ProblemKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The queue of a publisher is full. */
export class QueueFullError extends Error {
  override name = 'QueueFullError';
}

/** What a publisher has done so far. */
export interface PublisherStats {
  /** `live`; `full`: the run takes nothing but its end; `ended`: it takes no more events; `closed`. */
  readonly state: 'live' | 'full' | 'ended' | 'closed';
  /** Events that were emitted. */
  readonly emitted: number;
  /** Events that the server has, `duplicates` of them because a request was repeated. */
  readonly stored: number;
  readonly duplicates: number;
  /** Events that wait, and their bytes. */
  readonly pending: number;
  readonly pendingBytes: number;
  /** Events that went because the queue was full. */
  readonly dropped: number;
  /** Events that the server refused, or that came when the run took no more. */
  readonly refused: number;
  /** Events that were posted shorter than they were. */
  readonly shortened: number;
  /** Events that were written to the spill file. */
  readonly spilled: number;
  /** Requests with events, and how many of them were repeats. */
  readonly requests: number;
  readonly retries: number;
  /** Frames that were shown, and that gave way to newer ones or failed. */
  readonly framesSent: number;
  readonly framesDropped: number;
  /** The last failure, until a request succeeds. */
  readonly lastError?: Error;
}

/** What a flush has come to. */
export interface FlushReport {
  /** Every event that was emitted before it is with the server, or was refused or dropped. */
  readonly delivered: boolean;
  /** Events that still wait. */
  readonly pending: number;
  /** What stands in the way. */
  readonly error?: Error;
}
