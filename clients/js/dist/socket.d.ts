/** A WebSocket as a watch needs it, in browsers and in Node.js alike. */
export interface Socket {
    /** Sends a text. Before the socket is open, and once it is closed, nothing happens. */
    send(text: string): void;
    /** Whether {@link Socket.pause} is possible. In browsers it is not. */
    readonly canPause: boolean;
    /** Reads nothing more until {@link Socket.resume}, so that the server has to wait. */
    pause(): void;
    resume(): void;
    /** Closes with 1000. Nothing is told of the socket from now on. */
    close(): void;
}
export interface SocketEvents {
    text(data: string): void;
    binary(data: Uint8Array): void;
    /** A ping of the server has been answered. Browsers answer pings without a word. */
    pinged(): void;
    /**
     * The socket is closed: the last call, and the only one. `code` is 1006 if it broke without a close frame; then
     * `failure` says why, if that is known: an `ApiError` if the upgrade was refused, else a `TransportError`.
     */
    closed(code: number, reason: string, failure?: Error): void;
}
export interface SocketOptions {
    /** `ws:` or `wss:`. */
    url: string;
    /** Sent with the handshake where that is possible: not in browsers. */
    headers: Readonly<Record<string, string>>;
}
/** Opens a socket. Its events come later, never within this call. */
export type OpenSocket = (options: SocketOptions, events: SocketEvents) => Socket;
