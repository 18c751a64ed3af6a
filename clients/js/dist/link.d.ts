import type { ConnectedMessage, EpochMessage, GapMessage, ResetMessage } from './messages.js';
import type { ScreenFrame } from './screen-frame.js';
import type { RunEvent } from './types.js';
/** How a link ended. */
export interface LinkEnd {
    /** The WebSocket's close code, if it was closed with one. */
    closeCode?: number;
    reason?: string;
    /** Why there was no connection, or why it broke. */
    failure?: Error;
    /** What the server asks for before the next one, in milliseconds. */
    atLeastMs?: number;
}
/** What a link tells. `link` is the one that tells it. */
export interface LinkEvents {
    connected(link: Link, message: ConnectedMessage): void;
    /** `bytes`: on the wire. */
    event(link: Link, event: RunEvent, bytes: number): void;
    moved(link: Link, message: GapMessage | ResetMessage | EpochMessage): void;
    frame(link: Link, frame: ScreenFrame): void;
    /** The next link is to be opened at that time, and this one to be closed then. */
    draining(link: Link, afterMs: number): void;
    /** The rights of this link end in `leftMs`: the next one is to be opened in `afterMs`, and this one to be closed then. */
    expiring(link: Link, leftMs: number, afterMs: number): void;
    /** The last call. */
    ended(link: Link, end: LinkEnd): void;
}
/** One connection to the log of a run: a WebSocket, or pages that are asked for one after the other. */
export interface Link {
    readonly kind: 'websocket' | 'polling';
    /** The base URL that it was opened to. */
    readonly base: string;
    readonly canPause: boolean;
    pause(): void;
    resume(): void;
    /** Sends a message; by polling there is no way to. */
    send(message: object): void;
    /** Asks for a sign of life now. */
    probe(): void;
    /** Nothing is told from now on. */
    close(): void;
}
