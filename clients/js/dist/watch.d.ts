import { type FollowContext } from './follower.js';
import type { ScreenFrame } from './screen-frame.js';
import type { Cursor, RunEvent, ScreenOptions, WatchOptions, WatchStatus } from './types.js';
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
    gap: CustomEvent<{
        readonly from: number;
        readonly to: number;
        readonly reason: string;
    }>;
    /** The store lost writes: what has come from `from` on is void, and events with these numbers come anew. */
    reset: CustomEvent<{
        readonly from: number;
        readonly epoch: string | null;
    }>;
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
export declare class Watch extends EventTarget implements AsyncIterable<RunEvent>, Disposable {
    #private;
    /** Made by `run.watch()`. */
    constructor(context: FollowContext, runId: string, options?: WatchOptions);
    /** Behind the last event that was handed out: pass it as `after` to go on, in another process for instance. */
    get cursor(): Cursor;
    get status(): WatchStatus;
    /** Events of the run that have not been handed out yet. */
    get behind(): number;
    /** Why the watch was closed for good. */
    get error(): Error | undefined;
    /** Chooses other screens from now on. */
    look(screen: ScreenOptions): void;
    /** Tries to connect now, if it waits for that; asks an open connection whether it is alive. */
    retry(): void;
    /** Ends the watch. Iterators end, without what they had not been handed out yet. */
    close(): void;
    [Symbol.dispose](): void;
    /** The iterator; there is one only. Leaving it, by `break` for instance, closes the watch. */
    [Symbol.asyncIterator](): AsyncIterator<RunEvent, undefined>;
    addEventListener<K extends keyof WatchEventMap>(type: K, listener: ((this: Watch, event: WatchEventMap[K]) => unknown) | {
        handleEvent(event: WatchEventMap[K]): unknown;
    } | null, options?: boolean | AddEventListenerOptions): void;
    removeEventListener<K extends keyof WatchEventMap>(type: K, listener: ((this: Watch, event: WatchEventMap[K]) => unknown) | {
        handleEvent(event: WatchEventMap[K]): unknown;
    } | null, options?: boolean | EventListenerOptions): void;
}
