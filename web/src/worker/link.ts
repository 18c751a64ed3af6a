/** The connection to the run's log, and what people are told of it. */
import { ClosedError, type RunEvent as ClientEvent, type ScreenFrame, type Viewer, type Watch } from '@runcast/client';

import type { Connection, Look } from '../model.js';
import { type RunEvent, timeOf } from './read.js';

/** How much later an event is stored than it happened, in milliseconds, before its producer's clock is doubted. */
const MAX_LATE_MS = 5_000;

export interface LinkSink {
  event(event: RunEvent): void;
  gap(from: number, to: number): void;
  /** What came from this event on is void. */
  reset(from: number): void;
  frame(frame: ScreenFrame): void;
  /** A connection stands again after there was none: the last event that there is now. */
  back(tip: number): void;
  /** Something about the connection has changed. */
  changed(): void;
}

export class Link {
  #watch: Watch | null = null;
  #status: Connection['status'] = 'connecting';
  #since = 0;
  #tip = 0;
  #retryAt: number | null = null;
  #error: string | null = null;
  #closeCode: number | null = null;
  #offset = 0;
  #behindMs: number | null = null;
  #isLost = false;
  /** What is to be added to times of producers. */
  #skew = 0;
  #look: Look = { screen: false };

  constructor(
    private viewer: Viewer,
    private readonly sink: LinkSink,
  ) {
    this.#since = Date.now();
  }

  /** Milliseconds since 1970 by the server's clock. */
  now(): number {
    return Date.now() + this.#offset;
  }

  /** The epoch of the event that came last. */
  get epoch(): string | null {
    const cursor = this.#watch?.cursor ?? '';
    const at = cursor.indexOf(':');
    return at < 0 ? null : cursor.slice(0, at);
  }

  /** Connects. `after`: the cursor of the last event that is known. */
  start(after: string): void {
    this.stop();
    const watch = this.viewer.watch({ ...this.#look, after });
    this.#watch = watch;
    const mine =
      <E>(listener: (event: E) => void) =>
      (event: E) => {
        if (this.#watch === watch) listener(event);
      };
    watch.addEventListener(
      'event',
      mine(({ detail }) => this.#event(detail)),
    );
    watch.addEventListener(
      'gap',
      mine(({ detail }) => this.sink.gap(detail.from, detail.to)),
    );
    watch.addEventListener(
      'reset',
      mine(({ detail }) => this.sink.reset(detail.from)),
    );
    watch.addEventListener(
      'frame',
      mine(({ detail }) => this.sink.frame(detail)),
    );
    watch.addEventListener(
      'connected',
      mine(({ detail }) => {
        const at = timeOf(detail.timestamp);
        if (at !== null) this.#offset = at - Date.now();
        this.#tip = detail.tip;
        if (this.#isLost) this.sink.back(detail.tip);
        this.#isLost = false;
      }),
    );
    watch.addEventListener(
      'status',
      mine(({ detail }) => {
        const { error, retryInMs } = detail;
        if (detail.status !== this.#status) this.#since = this.now();
        this.#status = detail.status;
        this.#retryAt = retryInMs === undefined ? null : this.now() + retryInMs;
        this.#isLost ||= detail.status === 'reconnecting';
        this.#error = detail.status === 'live' ? null : (error?.message ?? this.#error);
        this.#closeCode = error instanceof ClosedError ? error.closeCode : (detail.closeCode ?? null);
        if (detail.status === 'live') this.#closeCode = null;
        this.sink.changed();
      }),
    );
  }

  /** Watches as somebody else from now on. `after`: where the connection goes on; null: where it began. */
  as(viewer: Viewer, after: string | null): void {
    this.viewer = viewer;
    if (this.#watch !== null && after !== null && this.#status !== 'closed') this.start(after);
  }

  /** Ends the connection without a word. */
  stop(): void {
    const watch = this.#watch;
    this.#watch = null;
    watch?.close();
  }

  /** There is no way: the server has refused for good. */
  refuse(error: string, closeCode: number | null): void {
    this.stop();
    this.#status = 'closed';
    this.#since = this.now();
    this.#error = error;
    this.#closeCode = closeCode;
    this.sink.changed();
  }

  /** The server does not answer, or can't now; it is tried again. */
  unreachable(error: string, retryInMs: number): void {
    if (this.#status !== 'reconnecting') this.#since = this.now();
    this.#status = 'reconnecting';
    this.#error = error;
    this.#retryAt = this.now() + retryInMs;
    this.sink.changed();
  }

  /** The page is seen again: tries at once. */
  retry(): void {
    this.#watch?.retry();
  }

  /** Chooses screens. */
  look(look: Look): void {
    this.#look = look;
    this.#watch?.look(look);
  }

  /** What is told. `seq`: the last event that the page has. */
  connection(seq: number): Connection {
    return {
      status: this.#status,
      since: this.#since,
      seq,
      tip: Math.max(this.#tip, seq),
      behindMs: this.#behindMs,
      retryAt: this.#retryAt,
      error: this.#error,
      closeCode: this.#closeCode,
      clockOffsetMs: this.#offset,
    };
  }

  #event(event: ClientEvent): void {
    const known = event as unknown as RunEvent;
    this.#tip = Math.max(this.#tip, known.seq);
    const [at, sentAt] = [timeOf(known['at']), timeOf(known['timestamp'])];
    // A producer's clock that is wrong is seen at the events that say when they were stored.
    if (at !== null && sentAt !== null) this.#skew = at < sentAt || at - sentAt > MAX_LATE_MS ? at - sentAt : 0;
    if (sentAt !== null && this.#status === 'live') {
      this.#behindMs = Math.max(0, Math.round((this.now() - sentAt - this.#skew) / 50) * 50);
    }
    this.sink.event(known);
  }
}
