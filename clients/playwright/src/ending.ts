import type { Publisher } from '@runcast/client';

import type { Attachments } from './attachments.js';
import { guarded } from './guard.js';
import type { Settings } from './settings.js';
import { type Ending, atEnd } from './signals.js';
import { release, type Terminal } from './terminal.js';

/**
 * How long the end waits for a server that has taken nothing so far and can't be reached, in milliseconds. It is looked
 * at as often whether that is so.
 */
const UNREACHED_MS = 2_000;
/** A server that has not answered for so long since the start counts as one that is not there, in milliseconds. */
const UNANSWERED_MS = 10_000;

/**
 * The end of a run: what is left is posted within limits, and what can't be posted stays in files. Only `finish` is
 * waited for, and Playwright calls it when all reporters have printed what they have to say.
 */
export class End implements Ending {
  /** Nothing is to be recorded any more: the process ends. */
  isOver = false;
  readonly #began = performance.now();
  readonly #leave: () => void;
  #finished: Promise<void> | undefined;

  /** `interrupt` tells that the run was interrupted, unless it has ended. */
  constructor(
    private readonly publisher: Publisher,
    private readonly attachments: Attachments,
    private readonly terminal: Terminal,
    private readonly settings: Settings,
    private readonly interrupt: () => void,
  ) {
    this.#leave = atEnd(this);
  }

  /** Nothing more will come: it is posted while other reporters still work. Waits for nothing. */
  begin(): void {
    const { endTimeoutMs } = this.settings;
    void guarded('onEnd', async () => {
      const [{ delivered }] = await Promise.all([
        this.publisher.flush({ timeoutMs: endTimeoutMs }),
        this.attachments.finish(),
      ]);
      // Playwright may show its report first, until people end it.
      if (delivered) await this.finish();
    });
  }

  /** Posts what is left as long as that may take, and keeps the rest in files. */
  finish(): Promise<void> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  async die(withinMs: number, isSure: boolean): Promise<void> {
    guarded('signal', this.interrupt);
    this.isOver = isSure;
    await this.publisher.flush({ timeoutMs: withinMs });
    if (isSure) this.exit();
  }

  exit(): void {
    guarded('exit', this.interrupt);
    this.isOver = true;
    this.#abandon();
  }

  async #finish(): Promise<void> {
    await this.#post();
    const report = await this.publisher.close({ timeoutMs: 0 });
    // Where no event gets through, no file does.
    if (!report.delivered) this.attachments.abandon();
    await this.attachments.finish();
    this.isOver = true;
    this.#leave();
    await this.terminal.end(report, this.publisher.stats);
  }

  /** Waits until everything is posted, until that is hopeless, or until it has taken too long. */
  async #post(): Promise<void> {
    const from = performance.now();
    for (;;) {
      const began = performance.now();
      const timeoutMs = Math.min(UNREACHED_MS, from + this.#limitMs - began);
      if (timeoutMs <= 0) return;
      const { delivered } = await this.publisher.flush({ timeoutMs });
      // It ends before its time when the server refuses us. Timers may be a little early.
      if (delivered || performance.now() - began < timeoutMs - 10) return;
    }
  }

  #abandon(): void {
    guarded('exit', () => this.publisher.abandon());
    guarded('exit', () => this.attachments.abandon());
    // A signal leaves nobody the time to finish what is drawn.
    release();
  }

  get #limitMs(): number {
    const { stored, retries } = this.publisher.stats;
    const isThere = stored > 0 || (retries === 0 && performance.now() - this.#began < UNANSWERED_MS);
    return Math.min(this.settings.endTimeoutMs, isThere ? Infinity : UNREACHED_MS);
  }
}
