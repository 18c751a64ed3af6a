import { type Context } from './context.js';
import { type LiveTrace, type TracePart } from './publish-frames.js';
import * as types from './publish-types.js';
/** Posts the events of one producer to a run. */
export declare class Publisher implements AsyncDisposable {
    #private;
    /** The producer's id. */
    readonly producer: string;
    constructor(context: Context, runId: string, options?: types.PublishOptions);
    /** What it has done so far. */
    get stats(): types.PublisherStats;
    /** The server's last hints. */
    get hints(): types.Hints | undefined;
    /**
     * Takes an event, to be posted soon. It never waits and never throws, but for `onFull: 'throw'`, where it throws a
     * `QueueFullError`. With `onFull: 'block'` it returns a promise while the queue is full: wait for it before the next
     * event. It is rejected with a `QueueFullError` if the event was dropped because nobody waited.
     */
    emit(event: types.NewEvent): void | Promise<void>;
    /**
     * Posts what was emitted so far. Resolves when the server has it all or has refused it, or when that can't be done in
     * time, 15 s unless said otherwise.
     */
    flush(options?: {
        timeoutMs?: number;
    }): Promise<types.FlushReport>;
    /**
     * Posts what is left, as far as that can be done in time, writes the rest to the spill file, and takes no more events.
     */
    close(options?: {
        timeoutMs?: number;
    }): Promise<types.FlushReport>;
    /**
     * Ends at once: what is left goes to the spill file, and nothing is posted any more. For a process that is about to end
     * by a signal, which Node.js tells nobody of.
     */
    abandon(): void;
    [Symbol.asyncDispose](): Promise<void>;
    /** Claims an act, so that no other producer does it. Undefined: another one has it, or it is too late. */
    claim(commandId: string, signal?: AbortSignal): Promise<types.Claim | undefined>;
    /** Says what became of a command. */
    report(commandId: string, status: 'accepted' | 'done' | 'failed' | 'rejected', details?: types.ReportDetails): void;
    /**
     * Asks the viewers; resolves when somebody has answered, or when nobody did in time. The value of a `credential` is in
     * the answer, and nowhere else. Rejects when the run has ended, the publisher is closed, or the signal aborts.
     */
    ask(question: types.Question, options?: {
        signal?: AbortSignal;
    }): Promise<types.Answer>;
    /** Shows a frame of a stream, by convention `PRODUCER/SLOT`. The newest wins, and a failed one is not repeated. */
    frame(stream: string, bytes: Uint8Array, info?: types.FrameInfo): void;
    /**
     * Posts parts of a trace that grows, once; at most 4 MiB and 256 parts. Repeating them is safe. Rejects with an
     * `ApiError`: `live_trace_gap` has `expected`, the ends of the entries; `live_trace_full`; `live_trace_throttled`.
     */
    liveTrace(traceId: string, parts: readonly TracePart[], signal?: AbortSignal): Promise<LiveTrace>;
}
