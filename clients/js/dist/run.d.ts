import type { FollowContext } from './follower.js';
import type { EventPage } from './messages.js';
import type { PageQuery, RunEvent, RunState, TestQuery, TestState, WatchOptions } from './types.js';
import { Watch } from './watch.js';
/** A run of tests. It may not exist yet: the first event creates it. */
export declare class Run {
    #private;
    readonly id: string;
    /** Made by `runcast.run()`. */
    constructor(context: FollowContext, id: string);
    /** The page on which people watch the run. */
    get url(): string;
    /** Watches the run: an async iterator of its events, and an `EventTarget`. */
    watch(options?: WatchOptions): Watch;
    /** The run's state now. */
    state(options?: {
        signal?: AbortSignal;
    }): Promise<RunState>;
    /** The run's tests; more are asked for while they are iterated over. */
    tests(query?: TestQuery): AsyncIterable<TestState>;
    /** The run's events up to the last one now, in pages. */
    events(query?: PageQuery): AsyncIterable<EventPage<RunEvent>>;
}
