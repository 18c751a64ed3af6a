import type { NewEvent } from '@runcast/client';

import { guarded } from './guard.js';
import type { Masker } from './mask.js';
import { Channel, type OutputStream } from './output/channel.js';
import { OutputBudget } from './output/budget.js';

/** Pieces are joined for so long. */
const JOIN_MS = 50;
/** What has no line end, or may be the beginning of a secret, is held back for so long. */
const HOLD_MS = 1_000;
/** Attempts whose output is known; that of the one which has been known longest is posted and forgotten. */
const MOST_CHANNELS = 256;

/** How much output of one attempt at a test is posted. */
export interface OutputLimits {
  /** In the long run: 64 KiB. */
  bytesPerSec?: number;
  /** At once: 256 KiB. */
  burstBytes?: number;
  /** Milliseconds, of any beginning. */
  clock?: () => number;
}

/** What tests and their tools write, as `log` events: pieces are joined, and masked across their borders. */
export class Output {
  readonly #channels = new Map<string, Channel>();
  /** Those with something that is not posted. */
  readonly #waiting = new Set<Channel>();
  readonly #bytesPerSec: number;
  readonly #burstBytes: number;
  readonly #clock: () => number;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly masker: Masker,
    private readonly emit: (event: NewEvent) => void,
    { bytesPerSec = 65_536, burstBytes = 262_144, clock = () => performance.now() }: OutputLimits = {},
  ) {
    this.#bytesPerSec = bytesPerSec;
    this.#burstBytes = burstBytes;
    this.#clock = clock;
  }

  /** Takes a piece of output; without a test it is the run's. */
  write(stream: OutputStream, chunk: string | Buffer, testId?: string, attempt?: number): void {
    if (chunk.length === 0) return;
    const channel = this.#channel(testId, attempt);
    channel.write(stream, chunk, this.#clock());
    if (channel.isWaiting) this.#wait(channel);
  }

  /** Posts what an attempt has written, before something else of it is: order is kept. */
  settle(testId: string, attempt: number): void {
    if (this.#waiting.size > 0) this.#channels.get(keyOf(testId, attempt))?.settle();
  }

  /** Posts everything of an attempt at a test that is over, or of the run. */
  flush(testId?: string, attempt?: number): void {
    if (testId === undefined) {
      for (const key of [...this.#channels.keys()]) this.#end(key);
    } else {
      this.#end(keyOf(testId, attempt));
    }
  }

  #channel(testId: string | undefined, attempt: number | undefined): Channel {
    const key = keyOf(testId, attempt);
    const known = this.#channels.get(key);
    if (known) return known;
    if (this.#channels.size >= MOST_CHANNELS) this.#end(this.#channels.keys().next().value!);
    const budget = new OutputBudget(this.#bytesPerSec, this.#burstBytes, this.#clock());
    const of = testId === undefined ? {} : { testId, attempt };
    const post = (stream: OutputStream, text: string, more: object) =>
      this.emit({ type: 'log', ...of, stream, text, ...more });
    const channel = new Channel(this.masker, budget, post);
    this.#channels.set(key, channel);
    return channel;
  }

  #end(key: string): void {
    const channel = this.#channels.get(key);
    if (!channel) return;
    this.#channels.delete(key);
    this.#waiting.delete(channel);
    channel.end();
  }

  #wait(channel: Channel): void {
    this.#waiting.add(channel);
    // A timer that is not waited for: the end of the run posts what is left.
    this.#timer ??= setTimeout(() => guarded('output', () => this.#due()), JOIN_MS).unref();
  }

  #due(): void {
    this.#timer = undefined;
    const now = this.#clock();
    for (const channel of [...this.#waiting]) {
      channel.due(now, HOLD_MS);
      if (channel.isWaiting) this.#wait(channel);
      else this.#waiting.delete(channel);
    }
  }
}

function keyOf(testId: string | undefined, attempt: number | undefined): string {
  return testId === undefined ? '' : `${testId}\n${attempt ?? 0}`;
}
