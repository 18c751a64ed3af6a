import { Backoff, sleep } from './backoff.js';
import { callJson, type Context, runPath } from './context.js';
import { ApiError } from './errors.js';
import type { Command } from './generated/index.js';
import { uuid7 } from './uuid7.js';

/** Pauses between two looks at a command, in milliseconds: the first, and the longest. */
const FIRST_LOOK_MS = 100;
const LONGEST_LOOK_MS = 1_000;
/** How long a request is repeated without an answer, in milliseconds. */
const PATIENCE_MS = 60_000;

/** How far a command has come. */
export type CommandStatus =
  | 'queued'
  | 'accepted'
  | 'done'
  | 'failed'
  | 'rejected'
  | 'expired'
  | 'withdrawn'
  | 'superseded'
  | 'interrupted';

/** Who is meant by a command: a producer by its id, or as the protocol says it. */
export type CommandTarget =
  | string
  | { producer: string }
  | { testId: string }
  | { slot: { producer: string; slot: number } };

/** How a command is given. */
export interface CommandOptions {
  target?: CommandTarget;
  /** How the run must be, else the command is refused with `expectation_failed`. */
  expect?: Record<string, unknown>;
  /** How long an act waits for a producer, in seconds. */
  ttlSecs?: number;
  /** A UUIDv7. The same command with the same id is given once, however often it is repeated. */
  commandId?: string;
  /** Under which lease it is given; {@link Lease.command} knows its own. */
  lease?: string;
  /** Ends repeating the request, and following the command. */
  signal?: AbortSignal;
}

/** What became of a command. */
export interface CommandResult {
  status: CommandStatus;
  /** The reason in words. */
  detail?: string;
  /** What came of it. */
  result?: unknown;
  /** The producer that worked on it. */
  producer?: string;
}

/** The server's answer to a command. */
interface Given {
  commandId: string;
  state: CommandStatus;
  cursor: string;
}

/** Types whose end is that the run has them. */
const AT_ONCE = new Set(['answer', 'extend', 'withdraw', 'take_control', 'release_control', 'renew_control']);
const OPEN: readonly string[] = ['queued', 'accepted'];

/**
 * Gives a command to a run. A request without an answer is repeated with the same id, for a minute, so the command is
 * given once. Throws an `ApiError` with the code of the refusal: `lease_held`, `expectation_failed`, `nobody_obeys`...
 */
export async function command(
  context: Context,
  runId: string,
  what: Command,
  options: CommandOptions = {},
): Promise<CommandHandle> {
  const given = await give(context, runId, what, options);
  return new CommandHandle(context, runId, given, AT_ONCE.has(what.type), options.signal);
}

/** The same, and the server's answer alone. */
export async function give(
  context: Context,
  runId: string,
  what: Command,
  options: CommandOptions = {},
): Promise<Given> {
  const { target, expect, ttlSecs, lease, signal } = options;
  const body = JSON.stringify({
    ...what,
    commandId: options.commandId ?? what.commandId ?? uuid7(),
    ...(target !== undefined && { target: typeof target === 'string' ? { producer: target } : target }),
    ...(expect !== undefined && { expect }),
    ...(ttlSecs !== undefined && { expiresInSecs: ttlSecs }),
    ...(lease !== undefined && { lease }),
  });
  const known = context.clientId === undefined ? '' : `?${new URLSearchParams({ clientId: context.clientId })}`;
  return insist(signal, () =>
    callJson<Given>(context, {
      method: 'POST',
      path: `${runPath(runId)}/commands${known}`,
      headers: { 'content-type': 'application/json' },
      body,
      ...(signal && { signal }),
    }),
  );
}

/** Repeats what may pass, for a minute. */
export async function insist<T>(signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
  const until = Date.now() + PATIENCE_MS;
  const backoff = new Backoff();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const isRefusal = error instanceof ApiError;
      // A run that has as many commands as it may will not have fewer.
      const isFinal = isRefusal && (!error.passing || (error.status === 429 && error.retryAfterMs === undefined));
      if (signal?.aborted === true || error instanceof SyntaxError || isFinal) throw error;
      const pause = backoff.next(isRefusal ? (error.retryAfterMs ?? 0) : 0);
      if (Date.now() + pause > until) throw error;
      await sleep(pause, signal);
    }
  }
}

/** A command that was given. Iterating over it yields its statuses up to the last. */
export class CommandHandle {
  /** The command's id. */
  readonly id: string;
  /** The cursor of the command's event. */
  readonly cursor: string;
  readonly #context: Context;
  readonly #runId: string;
  readonly #signal: AbortSignal | undefined;
  #status: CommandStatus;
  #done: Promise<CommandResult> | undefined;
  #isOver: boolean;
  #listeners = new Set<() => void>();

  constructor(context: Context, runId: string, given: Given, isAtOnce: boolean, signal: AbortSignal | undefined) {
    this.#context = context;
    this.#runId = runId;
    this.#signal = signal;
    this.id = given.commandId;
    this.cursor = given.cursor;
    this.#status = isAtOnce ? 'done' : given.state;
    this.#isOver = isAtOnce;
  }

  /** How far it has come, as was last seen: it is looked at while {@link done} or an iterator is waited for. */
  get status(): CommandStatus {
    return this.#status;
  }

  /** Resolves when the command has an end, whatever it is; asking for it begins to follow the command. */
  get done(): Promise<CommandResult> {
    this.#done ??= this.#isOver ? Promise.resolve({ status: this.#status }) : this.#follow();
    // Whoever iterates is told as well.
    this.#done.catch(() => {});
    return this.#done;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<CommandStatus> {
    const seen: CommandStatus[] = [this.#status];
    let wake = () => {};
    const changed = () => {
      if (seen.at(-1) !== this.#status) seen.push(this.#status);
      wake();
    };
    let isOver = false;
    let failure: unknown;
    this.#listeners.add(changed);
    this.done
      .catch((error: unknown) => (failure = error))
      .finally(() => {
        isOver = true;
        wake();
      });
    try {
      for (let at = 0; ; ) {
        const next = seen[at];
        if (next !== undefined) {
          at += 1;
          yield next;
        } else if (isOver) {
          if (failure !== undefined) throw failure;
          return;
        } else {
          await new Promise<void>((resolve) => (wake = resolve));
        }
      }
    } finally {
      this.#listeners.delete(changed);
    }
  }

  async #follow(): Promise<CommandResult> {
    const signal = this.#signal;
    for (let pause = FIRST_LOOK_MS; ; pause = Math.min(LONGEST_LOOK_MS, pause * 2)) {
      const shown = await this.#look();
      if (shown !== undefined && shown.state !== this.#status) {
        this.#status = shown.state;
        for (const changed of this.#listeners) changed();
      }
      if (!OPEN.includes(this.#status)) {
        const { detail, result, producer } = shown ?? {};
        return {
          status: this.#status,
          ...(detail != null && { detail }),
          ...(result != null && { result }),
          ...(producer != null && { producer }),
        };
      }
      await sleep(pause, signal);
    }
  }

  /** The command as the run's state shows it; undefined: it has ended too long ago. */
  async #look(): Promise<ShownCommand | undefined> {
    const signal = this.#signal;
    const state = await insist(signal, () =>
      callJson<{ commands?: ShownCommand[] }>(this.#context, {
        method: 'GET',
        path: runPath(this.#runId),
        ...(signal && { signal }),
      }),
    );
    return state.commands?.find(({ commandId }) => commandId === this.id);
  }
}

interface ShownCommand {
  commandId: string;
  state: CommandStatus;
  detail?: string | null;
  result?: unknown;
  producer?: string | null;
}
