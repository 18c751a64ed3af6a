import { type ConnectOptions, contextOf } from './context-of.js';
import type { FollowContext } from './follower.js';
import { readRuns } from './read.js';
import { Run } from './run.js';
import type { RunQuery, RunSummary } from './types.js';

/** A server, or a cluster of servers. */
export class Runcast {
  readonly #context: FollowContext;

  /** Made by {@link connect}. */
  constructor(options: ConnectOptions) {
    this.#context = contextOf(options);
  }

  /** A run by its id. */
  run(id: string): Run {
    return new Run(this.#context, id);
  }

  /** All runs, the one that changed last first; more are asked for while they are iterated over. */
  runs(query?: RunQuery): AsyncIterable<RunSummary> {
    return readRuns(this.#context, query);
  }
}

/** The way to a server. Nothing is sent yet. */
export function connect(options: ConnectOptions): Runcast {
  return new Runcast(options);
}
