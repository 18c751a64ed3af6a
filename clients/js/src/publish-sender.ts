import { Backoff } from './backoff.js';
import { type Context, runPath } from './context.js';
import { ApiError } from './errors.js';
import { quietSleep, setQuietTimeout } from './publish-exit.js';
import type { Batch, Outbox } from './publish-outbox.js';
import { ForeignAnswer, type Posted, postEvents, remedy } from './publish-post.js';
import type { QueuedEvent } from './publish-queue.js';
import type { Hints, ProblemKind, PublishOptions } from './publish-types.js';

/** Longest pause between two attempts while somebody waits, in milliseconds, besides what the server asks for. */
const AWAITED_PAUSE_MS = 1_000;

/** What a sender tells of its work. */
export interface SenderPort {
  /** Somebody waits until everything is posted. */
  isAwaited(): boolean;
  /** The last command that is known. */
  commandsAfter(): string | undefined;
  /** A request is stored. */
  answered(answer: Posted): void;
  /** Something was stored, given up, or has failed. */
  settled(): void;
  /** An event was refused, and is left out. */
  refused(event: QueuedEvent | undefined, error: Error): void;
  /** The run takes no more events. */
  ended(error: Error): void;
  problem(kind: ProblemKind, message: string, cause?: unknown): void;
}

/** Posts what is in an outbox, one request at a time, until it is stored or refused. */
export class Sender {
  state: 'live' | 'full' | 'ended' | 'closed' = 'live';
  readonly count = { stored: 0, duplicates: 0, refused: 0, shortened: 0, requests: 0, retries: 0 };
  /** The last failure, until a request succeeds. */
  lastError: Error | undefined;
  hints: Hints | undefined;
  readonly #closing = new AbortController();
  readonly #backoff = new Backoff();
  #viewers: number | null = null;
  #gzipOver: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isPosting = false;
  #isUrgent = false;
  #isAway = false;
  /** Ends the pause between two attempts. */
  #pausing: AbortController | undefined;

  constructor(
    private readonly context: Context,
    private readonly runId: string,
    private readonly producer: string,
    private readonly options: PublishOptions,
    private readonly outbox: Outbox,
    private readonly port: SenderPort,
  ) {
    this.#gzipOver = options.gzipOver ?? 1024;
  }

  /** Aborts when the publisher is closed. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** Nothing but time can help: the server refuses who sends, or it is none of runcast's. */
  get isHopeless(): boolean {
    const error = this.lastError;
    return error instanceof ForeignAnswer || (error instanceof ApiError && error.status < 500 && !error.passing);
  }

  /** Posts when it is time to: soon, or at once. */
  schedule(isUrgent = false): void {
    this.#isUrgent ||= isUrgent;
    if (this.#isPosting || this.state === 'closed' || this.outbox.oldest === undefined) return;
    if (this.#isUrgent || this.port.isAwaited() || this.outbox.hasWholeBatch) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#isPosting = true;
      // Behind the caller's own work, so that what it emits with this event goes with it.
      queueMicrotask(() => void this.#post());
    } else {
      this.#timer ??= setQuietTimeout(() => {
        this.#timer = undefined;
        this.schedule(true);
      }, this.#flushMs());
    }
  }

  /** Tries again at once if it waits between two attempts. */
  hurry(): void {
    if (this.#pausing !== undefined || !this.#isPosting) this.lastError = undefined;
    this.#pausing?.abort();
    this.schedule();
  }

  /** The server's hints have changed. */
  hinted(hints: Hints): void {
    this.hints = hints;
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.schedule();
  }

  /** Posts no more; a request that is on its way is cut off. */
  close(): void {
    if (this.state !== 'ended') this.state = 'closed';
    clearTimeout(this.#timer);
    this.#closing.abort(new Error('the publisher is closed'));
    this.#pausing?.abort();
  }

  /** An event as it is posted. */
  line(event: QueuedEvent): string {
    const variant = event.closesBatch ? this.options.variant : (this.hints?.variant ?? this.options.variant);
    if (!event.takesVariant || variant === undefined) return event.text;
    return `${event.text.slice(0, -1)},"variant":${JSON.stringify(variant)}}`;
  }

  #flushMs(): number {
    const { flushMs = 250, idleFlushMs = 2_000 } = this.options;
    const own = this.#viewers === 0 ? idleFlushMs : flushMs;
    return Math.min(60_000, Math.max(10, this.hints?.flushMs ?? own));
  }

  /** Posts batches until it is time to wait. */
  async #post(): Promise<void> {
    while (this.state === 'live' || this.state === 'full') {
      const batch = this.outbox.current();
      if (this.outbox.queue.length === 0) this.#isUrgent = false;
      if (batch === undefined) break;
      const pause = await this.#attempt(batch);
      this.port.settled();
      if (pause !== undefined) {
        this.#pausing = new AbortController();
        if (!this.#closing.signal.aborted) await quietSleep(pause, this.#pausing.signal);
        this.#pausing = undefined;
      } else if (!this.#isUrgent && !this.port.isAwaited() && !this.outbox.hasWholeBatch) break;
    }
    this.#isPosting = false;
    this.schedule();
  }

  /** Posts a batch once. Returns how many milliseconds to wait before the next attempt, if it did not get through. */
  async #attempt(batch: Batch): Promise<number | undefined> {
    const lines = batch.events.map((event) => this.line(event));
    this.count.requests += 1;
    try {
      const answer = await postEvents(this.context, {
        path: `${runPath(this.runId)}/events`,
        lines,
        producer: this.producer,
        seq: this.outbox.first(batch),
        skips: batch.skip > 0,
        commandsAfter: this.port.commandsAfter(),
        gzipOver: this.#gzipOver,
        signal: this.#closing.signal,
      });
      this.count.stored += this.outbox.stored(batch, answer);
      this.count.duplicates += answer.duplicates;
      this.#viewers = answer.viewers ?? null;
      this.lastError = undefined;
      this.#isAway = false;
      this.#backoff.reset();
      this.port.answered(answer);
      return undefined;
    } catch (error) {
      return this.#failed(batch, lines, error as Error);
    }
  }

  #failed(batch: Batch, lines: string[], error: Error): number | undefined {
    const found = error instanceof ApiError ? remedy(error, lines) : ({ do: 'again' } as const);
    const detail = error instanceof ApiError ? `${error.code}: ${error.detail}` : error.message;
    switch (found.do) {
      case 'refuse':
        this.count.refused += 1;
        this.port.refused(this.outbox.refuse(batch, found.index), error);
        return undefined;
      case 'shorten': {
        const event = batch.events[found.index];
        if (this.outbox.shorten(batch, found.index, detail)) {
          this.count.shortened += 1;
          const message = `an event of type ${event?.type} was too large, and is posted shorter: ${detail}`;
          this.port.problem('event-shortened', message, error);
        } else {
          this.count.refused += 1;
          this.port.refused(this.outbox.refuse(batch, found.index), error);
        }
        return undefined;
      }
      case 'split':
        this.outbox.split(batch, found.by, found.bodyBytes);
        return undefined;
      case 'rewind':
        this.outbox.rewind(batch, found.expected);
        return this.#backoff.next();
      case 'plain':
        if (this.#gzipOver === Infinity) break;
        this.#gzipOver = Infinity;
        return undefined;
      case 'full':
        if (this.state === 'full') this.#end(error);
        else this.#full(error);
        return undefined;
      case 'end':
        this.#end(error);
        return undefined;
    }
    if (this.#closing.signal.aborted) return 0;
    // It may be stored; and if not, it may be the next time.
    this.outbox.isDoubtful(batch);
    this.count.retries += 1;
    if (!this.#isAway) this.port.problem('unreachable', `events wait: ${detail}`, error);
    this.#isAway = true;
    this.lastError = error;
    const atLeastMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const pause = this.#backoff.next(atLeastMs);
    return this.port.isAwaited() ? Math.min(pause, atLeastMs + AWAITED_PAUSE_MS) : pause;
  }

  #full(error: Error): void {
    this.state = 'full';
    this.count.refused += this.outbox.giveUpDetail();
    this.port.problem('ended', `the run is full, and takes nothing but its end: ${error.message}`, error);
  }

  #end(error: Error): void {
    this.state = 'ended';
    this.lastError = error;
    this.count.refused += this.outbox.giveUp();
    this.port.problem('ended', `the run takes no more events: ${error.message}`, error);
    this.port.ended(error);
  }
}
