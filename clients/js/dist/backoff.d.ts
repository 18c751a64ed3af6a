/** Pauses between attempts: full jitter, from 0.25 s doubling up to 10 s. */
export declare class Backoff {
    #private;
    readonly minMs: number;
    readonly maxMs: number;
    private readonly random;
    constructor(minMs?: number, maxMs?: number, random?: () => number);
    /** The next pause in milliseconds: anything up to `minMs * 2^attempts`, at most `maxMs`, but at least `atLeastMs`. */
    next(atLeastMs?: number): number;
    /** The next pause is a short one again. */
    reset(): void;
}
/** Waits; rejects with the signal's reason when it aborts. */
export declare function sleep(ms: number, signal?: AbortSignal): Promise<void>;
