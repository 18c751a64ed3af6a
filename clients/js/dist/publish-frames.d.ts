import { type Context } from './context.js';
import type { FrameInfo } from './publish-types.js';
import type { Posted } from './publish-post.js';
interface Frame extends FrameInfo {
    bytes: Uint8Array;
}
/** The screens of a producer. The newest frame of a stream wins; none is repeated. */
export declare class Frames {
    #private;
    private readonly context;
    private readonly runId;
    private readonly producer;
    private readonly answered;
    sent: number;
    dropped: number;
    constructor(context: Context, runId: string, producer: string, answered: (answer: Partial<Posted>) => void);
    /** Shows a frame. One that waits in the stream gives way to it. */
    show(stream: string, frame: Frame): void;
    close(): void;
}
/** A piece of an entry of a trace that grows. */
export interface TracePart {
    /** The entry: `1-trace.trace`, `resources/HASH.jpeg`. */
    entry: string;
    /** Where it begins in the entry, in bytes. */
    offset: number;
    /** Its bytes; those of `.trace` and `.network` entries end with a newline. */
    bytes: Uint8Array;
}
/** How far a live trace has come. */
export interface LiveTrace {
    traceId: string;
    /** Bytes that the server has of it, and may have. */
    bytes: number;
    maxBytes: number;
    /** It has as many as it may: further parts are refused. */
    full: boolean;
    /** Where the entries end that the parts belong to. */
    entries: Record<string, number>;
    /** Where it is watched. */
    viewerUrl: string;
}
/** The media type of a batch of parts. */
export declare const PARTS_TYPE = "application/vnd.runcast.trace-parts";
/** A batch of parts: for each the length of a JSON header as a big-endian u32, the header, and the bytes. */
export declare function partsBody(parts: readonly TracePart[]): Uint8Array;
export {};
