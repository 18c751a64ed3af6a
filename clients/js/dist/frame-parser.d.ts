/** The server broke RFC 6455; `closeCode` is what to close with. */
export declare class ProtocolError extends Error {
    readonly closeCode: number;
    name: string;
    constructor(closeCode: number, message: string);
}
export declare const CONTINUATION = 0;
export declare const TEXT = 1;
export declare const BINARY = 2;
export declare const CLOSE = 8;
export declare const PING = 9;
export declare const PONG = 10;
/** The payloads are views that hold until the call returns. */
export interface FrameSink {
    /** A whole message: `TEXT` or `BINARY`. */
    message(opcode: number, payload: Uint8Array): void;
    /** `CLOSE`, `PING` or `PONG`. */
    control(opcode: number, payload: Uint8Array): void;
}
/** Parses what a WebSocket server sends (RFC 6455, section 5), however it is cut into chunks. */
export declare class FrameParser {
    #private;
    private readonly sink;
    private readonly maxMessageBytes;
    /** `maxMessageBytes`: a longer message is refused with 1009. */
    constructor(sink: FrameSink, maxMessageBytes?: number);
    /** Takes the next bytes. Throws a {@link ProtocolError}, after which nothing more is to be pushed. */
    push(chunk: Uint8Array): void;
}
/** The code and reason of a close frame; 1005 if it has none. Throws a {@link ProtocolError}. */
export declare function parseClose(payload: Uint8Array): {
    code: number;
    reason: string;
};
/** The text of a payload. Throws a {@link ProtocolError} if it is not UTF-8. */
export declare function text(payload: Uint8Array): string;
/** A client's frame: final, and masked with `mask`, 4 random bytes. */
export declare function encodeFrame(opcode: number, payload: Uint8Array, mask: Uint8Array): Uint8Array;
