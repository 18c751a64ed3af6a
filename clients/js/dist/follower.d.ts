import { type Context } from './context.js';
import type { Link, LinkEnd, LinkEvents } from './link.js';
import type { ConnectedMessage, EpochMessage, GapMessage, ResetMessage } from './messages.js';
import { Position } from './position.js';
import type { ScreenFrame } from './screen-frame.js';
import type { OpenSocket } from './socket.js';
import type { RunEvent, WatchStatus } from './types.js';
/** What a follower needs. */
export interface FollowContext extends Context {
    readonly openSocket: OpenSocket;
}
/** Takes what a follower has found: each event once, in order. */
export interface FollowSink {
    event(event: RunEvent, bytes: number, cursor: string): void;
    gap(message: GapMessage): void;
    reset(message: ResetMessage): void;
    frame(frame: ScreenFrame): void;
    /** A connection stands. */
    connected(message: ConnectedMessage): void;
    status(status: WatchStatus, why: {
        error?: Error;
        retryInMs?: number;
        closeCode?: number;
    }): void;
    /** The last call. Without an error: the run is sealed. */
    ended(error?: Error): void;
    /** Whether no more can be taken now. */
    full(): boolean;
}
/** Keeps a link to the log of a run, whatever happens to nodes and networks. */
export declare class Follower implements LinkEvents {
    #private;
    private readonly context;
    private readonly runId;
    private readonly screen;
    private readonly sink;
    readonly position: Position;
    /** `screen`: the query of the WebSocket that says which screens are wanted. It is asked for at each connection. */
    constructor(context: FollowContext, runId: string, after: string, screen: () => Record<string, string>, sink: FollowSink);
    /** Ends without a word. */
    close(): void;
    /** The sink can take more again. */
    drained(): void;
    /** Other screens are wanted: tells the server, unless there is no WebSocket. The next one asks for them. */
    look(): void;
    connected(link: Link, message: ConnectedMessage): void;
    event(link: Link, event: RunEvent, bytes: number): void;
    moved(link: Link, message: GapMessage | ResetMessage | EpochMessage): void;
    frame(link: Link, frame: ScreenFrame): void;
    draining(link: Link, afterMs: number): void;
    expiring(link: Link, leftMs: number, afterMs: number): void;
    ended(link: Link, end: LinkEnd): void;
    /** The network is back, or the page is seen again: what is waited for is tried now. */
    wake(): void;
}
