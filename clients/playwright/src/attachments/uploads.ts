import { ApiError, type Run, TransportError } from '@runcast/client';
import type { TestResult } from '@playwright/test/reporter';

import { warnOnce } from '../terminal.js';
import { megabytes } from './left.js';
import type { Secured } from './secure.js';

/** Uploads at a time. One takes small files first, the other one large ones, so that neither wait for the others. */
const SLOTS = 2;
/** Files up to this many bytes are small. */
const SMALL = 1024 * 1024;
/** How long a slot rests after a failure that may pass, in milliseconds: the client has tried for two minutes before. */
const REST_MS = 1_000;
/** A media type that the server takes. */
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+(\s*;\s*[\w.+-]+=("[\x20-\x21\x23-\x5b\x5d-\x7e]*"|[\w.+-]+))*$/;

/** An attachment that waits for its upload. */
export interface Waiting {
  /** The artifact's name. */
  name: string;
  contentType: string;
  /** `trace`, if it is one. */
  isTrace: boolean;
  size: number;
  secured: Secured;
  testId: string;
  /** The attempt: what belongs to a failed one goes first. */
  result: TestResult;
  /** The most bytes that an attempt at the upload has sent. */
  sent?: number;
}

/** Uploads attachments one by one. */
export class Uploads {
  /** In the order in which they came. */
  readonly #waiting: Waiting[] = [];
  /** Those that are on their way, by slot. */
  readonly #running: (Waiting | undefined)[] = Array.from({ length: SLOTS });
  readonly #stop = new AbortController();
  #refusal: 'keep' | 'drop' | undefined;
  /** Why an upload failed last that may be repeated. */
  #lastError: Error | undefined;
  /** When bytes have last been sent. */
  #movedAt = performance.now();
  #settled: (() => void) | undefined;

  constructor(private readonly run: Run) {}

  /** The server takes no attachments of this run, now or later. */
  get isRefused(): boolean {
    return this.#refusal === 'drop';
  }

  get lastError(): Error | undefined {
    return this.#lastError;
  }

  push(item: Waiting): void {
    this.#waiting.push(item);
    this.#next();
  }

  /**
   * Waits until all is uploaded; ends earlier if nothing has been sent for `idleMs`, after `mostMs` at the latest, and if
   * the server takes nothing.
   */
  async settle(idleMs: number, mostMs: number): Promise<void> {
    const from = performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      const check = () => {
        clearTimeout(timer);
        const now = performance.now();
        const left = Math.min(Math.max(from, this.#movedAt) + idleMs, from + mostMs) - now;
        if (this.#isIdle || this.#refusal !== undefined || left <= 0) return resolve();
        timer = setTimeout(check, left);
      };
      this.#settled = check;
      check();
    });
    this.#settled = undefined;
  }

  /** Ends what is on its way, and returns all that is not uploaded. */
  end(): Waiting[] {
    const left = [...this.#running.filter((item) => item !== undefined), ...this.#waiting];
    this.#refusal ??= 'keep';
    this.#waiting.length = 0;
    this.#running.fill(undefined);
    this.#stop.abort(new Error('the run has ended'));
    this.#settled?.();
    return left;
  }

  get #isIdle(): boolean {
    return this.#waiting.length === 0 && this.#running.every((item) => item === undefined);
  }

  #next(): void {
    for (let slot = 0; slot < SLOTS && this.#refusal === undefined; slot += 1) {
      if (this.#running[slot] !== undefined) continue;
      const item = this.#take(slot === 0);
      if (item === undefined) return;
      this.#running[slot] = item;
      void this.#upload(item, slot);
    }
  }

  /** What is next: of failed attempts first, then of the slot's size, then the oldest. */
  #take(prefersSmall: boolean): Waiting | undefined {
    let best = -1;
    let least = Infinity;
    for (const [index, { result, size }] of this.#waiting.entries()) {
      const rank = (result.errors.length > 0 ? 0 : 2) + (size <= SMALL === prefersSmall ? 0 : 1);
      if (rank >= least) continue;
      best = index;
      least = rank;
      if (rank === 0) break;
    }
    return best < 0 ? undefined : this.#waiting.splice(best, 1)[0];
  }

  async #upload(item: Waiting, slot: number): Promise<void> {
    const { signal } = this.#stop;
    let isDone = true;
    try {
      await this.run.upload(item.secured.source, {
        name: item.name,
        test: item.testId,
        signal,
        ...(MEDIA_TYPE.test(item.contentType) && { contentType: item.contentType }),
        ...(item.isTrace && { kind: 'trace' as const }),
        // After a broken connection it counts from the beginning again.
        onProgress: (sent) => {
          if (sent <= (item.sent ?? 0)) return;
          item.sent = sent;
          this.#movedAt = performance.now();
        },
      });
      this.#movedAt = performance.now();
    } catch (error) {
      if (!signal.aborted) isDone = this.#failed(item, error as Error);
    }
    // What was on its way at the end was given back by `end`.
    if (signal.aborted) return;
    if (isDone) item.secured.release();
    else if (this.#refusal === undefined) return void setTimeout(() => this.#again(item, slot), REST_MS).unref();
    else this.#waiting.unshift(item);
    this.#running[slot] = undefined;
    this.#next();
    this.#settled?.();
  }

  #again(item: Waiting, slot: number): void {
    if (this.#stop.signal.aborted) return;
    this.#running[slot] = undefined;
    this.#waiting.unshift(item);
    this.#next();
  }

  /** Whether there is nothing more to be done about it. */
  #failed({ name, size }: Waiting, error: Error): boolean {
    const what = `attachment ${name} (${megabytes(size)})`;
    if (!(error instanceof ApiError)) {
      if (error instanceof TransportError) {
        this.#lastError = error;
        return false;
      }
      // The file can't be read, for instance.
      warnOnce('attachment failed', `${what} can't be uploaded: ${error.message}`);
      return true;
    }
    const { status, code, detail } = error;
    const why = `${status} ${code}`;
    if (status === 501) return this.#refuse(`the server keeps no artifacts (${why}): attachments are not uploaded`);
    if (status === 410 || code === 'too_many_artifacts') {
      return this.#refuse(`the server takes no more attachments of this run (${why}: ${detail})`);
    }
    this.#lastError = error;
    if ([401, 403, 404, 407].includes(status)) {
      this.#refusal = 'keep';
      return false;
    }
    if (error.passing) return false;
    warnOnce(`attachment refused ${code}`, `the server refused ${what}, and maybe others: ${why}: ${detail}`);
    return true;
  }

  /** Nothing more of this run is taken. */
  #refuse(line: string): boolean {
    if (this.#refusal === undefined) warnOnce('attachments refused', line);
    this.#refusal = 'drop';
    for (const { secured } of this.#waiting.splice(0)) secured.release();
    return true;
  }
}
