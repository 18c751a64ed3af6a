/** Something that must be brought to an end with the process. */
export interface Exiting {
    /** Nothing is left to do but this: it may take its time. */
    beforeExit(): void;
    /** The process ends now: what is not done within this call is lost. */
    exit(): void;
}
/** Calls it when the Node.js process ends, until the function is called that is returned. */
export declare function atExit(exiting: Exiting): () => void;
/** A timer that keeps no process alive. */
export declare function setQuietTimeout(callback: () => void, ms: number): ReturnType<typeof setTimeout>;
/** Keeps the process alive until the function is called that is returned. */
export declare function keepAlive(): () => void;
/** Waits, and keeps no process alive; ends early when the signal aborts. */
export declare function quietSleep(ms: number, signal: AbortSignal): Promise<void>;
