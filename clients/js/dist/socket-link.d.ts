import type { Link, LinkEvents } from './link.js';
import type { OpenSocket, SocketOptions } from './socket.js';
/** A link over a WebSocket. It notices that its connection is dead. */
export declare class SocketLink implements Link {
    #private;
    readonly base: string;
    readonly kind = "websocket";
    constructor(open: OpenSocket, options: SocketOptions, base: string, events: LinkEvents);
    get canPause(): boolean;
    pause(): void;
    resume(): void;
    send(message: object): void;
    probe(): void;
    close(): void;
}
