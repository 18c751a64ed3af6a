import { type CommandHandle, type CommandOptions } from './command.js';
import type { Context } from './context.js';
import { ApiError } from './errors.js';
import type { Command } from './generated/index.js';
/** How control of a run is taken. */
export interface ControlOptions {
    /** Takes it away from whoever has it. */
    steal?: boolean;
    /** How often the server is told that its holder is still there, in seconds: 15. */
    renewSecs?: number;
    signal?: AbortSignal;
}
/** Takes control of a run. Throws an `ApiError`: `lease_held` has the `holder`. */
export declare function control(context: Context, runId: string, options?: ControlOptions): Promise<Lease>;
/** Control of a run. It is renewed until it is released or lost. */
export declare class Lease implements AsyncDisposable {
    #private;
    /** The lease's token, the cursor at which control was taken. */
    readonly token: string;
    /** Resolves to the reason when somebody else has taken control, or the run has ended; not when it was released. */
    readonly lost: Promise<ApiError>;
    constructor(context: Context, runId: string, 
    /** The lease's token, the cursor at which control was taken. */
    token: string, renewMs: number);
    /** Whether it was neither released nor lost, as far as that is known. */
    get isHeld(): boolean;
    /** Gives a command under this lease: it is refused with `lease_lost` when it is the run's no more. */
    command(what: Command, options?: CommandOptions): Promise<CommandHandle>;
    /** Gives control back. Nothing happens if it is lost. */
    release(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}
