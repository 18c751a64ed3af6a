/** The connection, the moment that is shown, the time of the run, and what is found in it. */
import type { TestKey } from './run.js';

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
