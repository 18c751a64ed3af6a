import { type Context } from './context.js';
import type { Command } from './generated/index.js';
/** How far a command has come. */
export type CommandStatus = 'queued' | 'accepted' | 'done' | 'failed' | 'rejected' | 'expired' | 'withdrawn' | 'superseded' | 'interrupted';
/** Who is meant by a command: a producer by its id, or as the protocol says it. */
export type CommandTarget = string | {
    producer: string;
} | {
    testId: string;
} | {
    slot: {
        producer: string;
        slot: number;
    };
};
/** How a command is given. */
export interface CommandOptions {
    target?: CommandTarget;
    /** How the run must be, else the command is refused with `expectation_failed`. */
    expect?: Record<string, unknown>;
    /** How long an act waits for a producer, in seconds. */
    ttlSecs?: number;
    /** A UUIDv7. The same command with the same id is given once, however often it is repeated. */
    commandId?: string;
    /** Under which lease it is given; {@link Lease.command} knows its own. */
    lease?: string;
    /** Ends repeating the request, and following the command. */
    signal?: AbortSignal;
}
/** What became of a command. */
export interface CommandResult {
    status: CommandStatus;
    /** The reason in words. */
    detail?: string;
    /** What came of it. */
    result?: unknown;
    /** The producer that worked on it. */
    producer?: string;
}
/** The server's answer to a command. */
interface Given {
    commandId: string;
    state: CommandStatus;
    cursor: string;
}
/**
 * Gives a command to a run. A request without an answer is repeated with the same id, for a minute, so the command is
 * given once. Throws an `ApiError` with the code of the refusal: `lease_held`, `expectation_failed`, `nobody_obeys`...
 */
export declare function command(context: Context, runId: string, what: Command, options?: CommandOptions): Promise<CommandHandle>;
/** The same, and the server's answer alone. */
export declare function give(context: Context, runId: string, what: Command, options?: CommandOptions): Promise<Given>;
/** Repeats what may pass, for a minute. */
export declare function insist<T>(signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T>;
/** A command that was given. Iterating over it yields its statuses up to the last. */
export declare class CommandHandle {
    #private;
    /** The command's id. */
    readonly id: string;
    /** The cursor of the command's event. */
    readonly cursor: string;
    constructor(context: Context, runId: string, given: Given, isAtOnce: boolean, signal: AbortSignal | undefined);
    /** How far it has come, as was last seen: it is looked at while {@link done} or an iterator is waited for. */
    get status(): CommandStatus;
    /** Resolves when the command has an end, whatever it is; asking for it begins to follow the command. */
    get done(): Promise<CommandResult>;
    [Symbol.asyncIterator](): AsyncIterator<CommandStatus>;
}
export {};
