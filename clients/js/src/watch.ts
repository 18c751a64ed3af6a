import { EventQueue } from './event-queue.js';
import { type FollowContext, Follower, type FollowSink } from './follower.js';
import type { GapMessage, ResetMessage } from './messages.js';
import type { ScreenFrame } from './screen-frame.js';
import type { Cursor, RunEvent, ScreenOptions, WatchOptions, WatchStatus } from './types.js';

/** Bytes of events, as they were on the wire, that an iterator may hold: 4 MiB less what one read may bring beyond. */
const HELD_BYTES = 4 * 1024 * 1024 - 512 * 1024;

/** What a status event says. */
export interface StatusDetail {
  readonly status: WatchStatus;
  /** Why there is no connection. */
  readonly error?: Error;
  /** When the next one is tried, in milliseconds. */
  readonly retryInMs?: number;
  /** The close code of the WebSocket that ended, if it was closed with one. */
  readonly closeCode?: number;
}

/** What a connection says when it stands. */
export interface ConnectedDetail {
  /** The server's time, RFC 3339; missing where pages are asked for. */
  readonly timestamp?: string;
  /** Seq of the run's last event. */
  readonly tip: number;
  /** The run's epoch; null: it has no event yet. */
  readonly epoch: string | null;
  /** The node; empty where pages are asked for. */
  readonly nodeId: string;
}

/** The events of a {@link Watch}, by type. Each has its `detail`. */
export interface WatchEventMap {
  /** An event of the run's log. */
  event: CustomEvent<RunEvent>;
  /** A picture of a screen. */
  frame: CustomEvent<ScreenFrame>;
  /** Events that have expired, and will not come. */
  gap: CustomEvent<{ readonly from: number; readonly to: number; readonly reason: string }>;
  /** The store lost writes: what has come from `from` on is void, and events with these numbers come anew. */
  reset: CustomEvent<{ readonly from: number; readonly epoch: string | null }>;
  /** A connection stands, the first one or another. */
  connected: CustomEvent<ConnectedDetail>;
  /** {@link Watch.status} has changed, or an attempt to connect has failed. */
  status: CustomEvent<StatusDetail>;
}

/**
 * Watches a run: iterate over it, or listen to it, or both. Each event comes once and in order, over any number of
 * connections and nodes. It begins with the first iterator or listener; an iterator that is made in the same turn as the
 * watch misses nothing. Iteration ends when the run is sealed, or the watch is closed; it throws if the server refuses
 * the watch for good. An iterator that is not read holds at most 4 MiB, and the server waits.
 */
export class Watch extends EventTarget implements AsyncIterable<RunEvent>, Disposable {
  readonly #options: WatchOptions;
  readonly #types: ReadonlySet<string> | undefined;
  readonly #start: (sink: FollowSink, screen: () => Record<string, string>) => Follower;
  readonly #listened = new Set<string>();
  readonly #queue = new EventQueue<RunEvent>();
  #screen: ScreenOptions;
  #follower: Follower | undefined;
  #iterated = false;
  #status: WatchStatus = 'connecting';
  #cursor: Cursor;
  #seq = 0;
  #error: Error | undefined;
  /** Those that wait for an event, or the end. */
  #waiting: (() => void)[] = [];

  /** Made by `run.watch()`. */
  constructor(context: FollowContext, runId: string, options: WatchOptions = {}) {
    super();
    this.#options = options;
    this.#types = options.types === undefined ? undefined : new Set(options.types);
    this.#screen = options;
    screenQuery(options); // a wrong choice is told here
    const after = String(options.after ?? '');
    this.#cursor = after;
    this.#start = (sink, screen) => new Follower(context, runId, after, screen, sink);
    if (options.signal?.aborted === true) this.close();
    else options.signal?.addEventListener('abort', this.#aborted, { once: true });
  }

  /** Behind the last event that was handed out: pass it as `after` to go on, in another process for instance. */
  get cursor(): Cursor {
    return this.#cursor;
  }

  get status(): WatchStatus {
    return this.#status;
  }

  /** Events of the run that have not been handed out yet. */
  get behind(): number {
    return Math.max(0, (this.#follower?.position.tip ?? 0) - this.#seq);
  }

  /** Why the watch was closed for good. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Chooses other screens from now on. */
  look(screen: ScreenOptions): void {
    const query = screenQuery(screen);
    this.#screen = screen;
    const { screen: of, ...numbers } = query;
    const asNumbers = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)]));
    this.#follower?.send({ type: 'screen', of, ...asNumbers });
  }

  /** Tries to connect now, if it waits for that; asks an open connection whether it is alive. */
  retry(): void {
    this.#follower?.wake();
  }

  /** Ends the watch. Iterators end, without what they had not been handed out yet. */
  close(): void {
    this.#options.signal?.removeEventListener('abort', this.#aborted);
    this.#follower?.close();
    this.#queue.clear();
    this.#finish();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The iterator; there is one only. Leaving it, by `break` for instance, closes the watch. */
  [Symbol.asyncIterator](): AsyncIterator<RunEvent, undefined> {
    this.#iterated = true;
    this.#begin();
    return {
      next: () => this.#next(),
      return: () => {
        this.close();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  override addEventListener<K extends keyof WatchEventMap>(
    type: K,
    listener: ((this: Watch, event: WatchEventMap[K]) => unknown) | { handleEvent(event: WatchEventMap[K]): unknown } | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener, options);
    this.#listened.add(type);
    this.#begin();
  }

  override removeEventListener<K extends keyof WatchEventMap>(
    type: K,
    listener: ((this: Watch, event: WatchEventMap[K]) => unknown) | { handleEvent(event: WatchEventMap[K]): unknown } | null,
    options?: boolean | EventListenerOptions,
  ): void;
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void {
    super.removeEventListener(type, listener, options);
  }

  readonly #aborted = () => this.close();

  /** Connects, in the next turn: iterators and listeners that are made in this one miss nothing. */
  #begin(): void {
    if (this.#follower !== undefined || this.#status === 'closed') return;
    this.#follower = this.#start(
      {
        event: (event, bytes, cursor) => this.#take(event, bytes, cursor),
        gap: (message) => this.#gap(message),
        reset: (message) => this.#reset(message),
        frame: (frame) => this.#tell('frame', frame),
        connected: ({ timestamp, tip, epoch, nodeId }) =>
          this.#tell('connected', { tip, epoch, nodeId, ...(timestamp !== undefined && { timestamp }) }),
        status: (status, why) => {
          if (status === this.#status && why.retryInMs === undefined) return;
          this.#status = status;
          this.#tell('status', { status, ...why });
        },
        ended: (error) => {
          this.#options.signal?.removeEventListener('abort', this.#aborted);
          this.#error = error;
          this.#finish();
        },
        full: () => this.#iterated && this.#queue.bytes >= HELD_BYTES,
      },
      () => screenQuery(this.#screen),
    );
  }

  async #next(): Promise<IteratorResult<RunEvent, undefined>> {
    for (;;) {
      const entry = this.#queue.shift();
      if (entry !== undefined) {
        this.#cursor = entry.cursor;
        this.#seq = entry.seq;
        if (this.#queue.bytes < HELD_BYTES / 2) this.#follower?.drained();
        return { done: false, value: entry.value };
      }
      this.#follower?.drained();
      this.#passed();
      if (this.#status === 'closed') {
        const error = this.#error;
        if (error === undefined) return { done: true, value: undefined };
        this.#error = undefined; // it is thrown once
        throw error;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #take(event: RunEvent, bytes: number, cursor: string): void {
    if (!this.#wants(event)) return this.#passed();
    if (!this.#iterated) this.#passed();
    this.#tell('event', event);
    if (!this.#iterated) return;
    this.#queue.push(event, bytes, event.seq, cursor);
    this.#waiting.shift()?.();
  }

  #wants(event: RunEvent): boolean {
    const { test } = this.#options;
    if (this.#types !== undefined && !this.#types.has(event.type)) return false;
    return test === undefined || event['testId'] === test || event['test'] === test;
  }

  /** What has come so far has been handed out, or is not wanted. */
  #passed(): void {
    const position = this.#follower?.position;
    if (this.#queue.length > 0 || position?.seq === undefined) return;
    this.#seq = position.seq;
    this.#cursor = position.cursor ?? this.#cursor;
  }

  #gap({ from, to, reason }: GapMessage): void {
    this.#passed();
    this.#tell('gap', { from, to, reason });
  }

  #reset({ from, epoch }: ResetMessage): void {
    this.#queue.dropFrom(from);
    this.#passed();
    this.#tell('reset', { from, epoch });
  }

  #tell(type: string, detail: unknown): void {
    if (this.#listened.has(type)) this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #finish(): void {
    if (this.#status === 'closed') return;
    this.#status = 'closed';
    const detail: StatusDetail = this.#error === undefined ? { status: 'closed' } : { status: 'closed', error: this.#error };
    this.#tell('status', detail);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** The query that says which screens are wanted. Throws a `TypeError`. */
function screenQuery({ screen = false, maxFps, maxWidth }: ScreenOptions): Record<string, string> {
  const query: Record<string, string> = { screen: screen === false ? 'off' : screen };
  if (screen !== false && !/^[A-Za-z0-9._:/-]{1,200}$/.test(screen)) throw new TypeError(`\`screen\` is no stream's name: ${screen}`);
  for (const [name, value, most] of [['maxFps', maxFps, 30], ['maxWidth', maxWidth, 8192]] as const) {
    if (value === undefined) continue;
    if (!Number.isInteger(value) || value < 1 || value > most) throw new TypeError(`\`${name}\` must be 1 to ${most}`);
    query[name] = String(value);
  }
  return query;
}
