import { command, type CommandHandle, type CommandOptions, give } from './command.js';
import type { Context } from './context.js';
import { ApiError } from './errors.js';
import type { Command } from './generated/index.js';

/** How control of a run is taken. */
export interface ControlOptions {
  /** Takes it away from whoever has it. */
  steal?: boolean;
  /** How often the server is told that its holder is still there, in seconds: 15. */
  renewSecs?: number;
  signal?: AbortSignal;
}

/** Takes control of a run. Throws an `ApiError`: `lease_held` has the `holder`. */
export async function control(context: Context, runId: string, options: ControlOptions = {}): Promise<Lease> {
  const { steal = false, signal } = options;
  const taken = await give(context, runId, { type: 'take_control', steal }, signal && { signal });
  return new Lease(context, runId, taken.cursor, (options.renewSecs ?? 15) * 1000);
}

/** Control of a run. It is renewed until it is released or lost. */
export class Lease implements AsyncDisposable {
  /** Resolves to the reason when somebody else has taken control, or the run has ended; not when it was released. */
  readonly lost: Promise<ApiError>;
  readonly #context: Context;
  readonly #runId: string;
  readonly #ended = new AbortController();
  #lose: (error: ApiError) => void = () => {};
  #isHeld = true;

  constructor(
    context: Context,
    runId: string,
    /** The lease's token, the cursor at which control was taken. */
    readonly token: string,
    renewMs: number,
  ) {
    this.#context = context;
    this.#runId = runId;
    this.lost = new Promise((resolve) => (this.#lose = resolve));
    void this.#renew(renewMs);
  }

  /** Whether it was neither released nor lost, as far as that is known. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Gives a command under this lease: it is refused with `lease_lost` when it is the run's no more. */
  async command(what: Command, options: CommandOptions = {}): Promise<CommandHandle> {
    try {
      return await command(this.#context, this.#runId, what, { ...options, lease: this.token });
    } catch (error) {
      this.#check(error);
      throw error;
    }
  }

  /** Gives control back. Nothing happens if it is lost. */
  async release(): Promise<void> {
    if (!this.#isHeld) return;
    this.#end();
    try {
      await give(this.#context, this.#runId, { type: 'release_control' }, { lease: this.token });
    } catch (error) {
      if (!(error instanceof ApiError) || error.passing) throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #renew(everyMs: number): Promise<void> {
    while (this.#isHeld) {
      await this.#rest(everyMs);
      if (!this.#isHeld) return;
      try {
        const options = { lease: this.token, signal: this.#ended.signal };
        await give(this.#context, this.#runId, { type: 'renew_control' }, options);
      } catch (error) {
        // Other failures may pass until the next time.
        this.#check(error);
      }
    }
  }

  /** Waits until it is time, or the lease ends. The process stays alive: it has control of something. */
  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#ended.signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#ended.signal.addEventListener('abort', end);
    });
  }

  #check(error: unknown): void {
    if (!(error instanceof ApiError) || !this.#isHeld) return;
    if (!['lease_lost', 'run_ended', 'run_gone', 'run_not_found'].includes(error.code)) return;
    this.#end();
    this.#lose(error);
  }

  #end(): void {
    this.#isHeld = false;
    this.#ended.abort();
  }
}
