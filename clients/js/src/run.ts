import type { FollowContext } from './follower.js';
import type { EventPage } from './messages.js';
import { readEvents, readState, readTests } from './read.js';
import type { PageQuery, RunEvent, RunState, TestQuery, TestState, WatchOptions } from './types.js';
import { Watch } from './watch.js';

/** A run of tests. It may not exist yet: the first event creates it. */
export class Run {
  readonly #context: FollowContext;

  /** Made by `runcast.run()`. */
  constructor(
    context: FollowContext,
    readonly id: string,
  ) {
    this.#context = context;
  }

  /** The page on which people watch the run. */
  get url(): string {
    return `${this.#context.baseUrls.current}/runs/${encodeURIComponent(this.id)}`;
  }

  /** Watches the run: an async iterator of its events, and an `EventTarget`. */
  watch(options?: WatchOptions): Watch {
    return new Watch(this.#context, this.id, options);
  }

  /** The run's state now. */
  state(options?: { signal?: AbortSignal }): Promise<RunState> {
    return readState(this.#context, this.id, options);
  }

  /** The run's tests; more are asked for while they are iterated over. */
  tests(query?: TestQuery): AsyncIterable<TestState> {
    return readTests(this.#context, this.id, query);
  }

  /** The run's events up to the last one now, in pages. */
  events(query?: PageQuery): AsyncIterable<EventPage<RunEvent>> {
    return readEvents(this.#context, this.id, query);
  }
}
