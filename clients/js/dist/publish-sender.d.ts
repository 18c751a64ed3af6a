import { type Context } from './context.js';
import type { Outbox } from './publish-outbox.js';
import { type Posted } from './publish-post.js';
import type { QueuedEvent } from './publish-queue.js';
import type { Hints, ProblemKind, PublishOptions } from './publish-types.js';
/** What a sender tells of its work. */
export interface SenderPort {
    /** Somebody waits until everything is posted. */
    isAwaited(): boolean;
    /** The last command that is known. */
    commandsAfter(): string | undefined;
    /** A request is stored. */
    answered(answer: Posted): void;
    /** Something was stored, given up, or has failed. */
    settled(): void;
    /** An event was refused, and is left out. */
    refused(event: QueuedEvent | undefined, error: Error): void;
    /** The run takes no more events. */
    ended(error: Error): void;
    problem(kind: ProblemKind, message: string, cause?: unknown): void;
}
/** Posts what is in an outbox, one request at a time, until it is stored or refused. */
export declare class Sender {
    #private;
    private readonly context;
    private readonly runId;
    private readonly producer;
    private readonly options;
    private readonly outbox;
    private readonly port;
    state: 'live' | 'full' | 'ended' | 'closed';
    readonly count: {
        stored: number;
        duplicates: number;
        refused: number;
        shortened: number;
        requests: number;
        retries: number;
    };
    /** The last failure, until a request succeeds. */
    lastError: Error | undefined;
    hints: Hints | undefined;
    constructor(context: Context, runId: string, producer: string, options: PublishOptions, outbox: Outbox, port: SenderPort);
    /** Aborts when the publisher is closed. */
    get signal(): AbortSignal;
    /** Nothing but time can help: the server refuses who sends, or it is none of runcast's. */
    get isHopeless(): boolean;
    /** Posts when it is time to: soon, or at once. */
    schedule(isUrgent?: boolean): void;
    /** Tries again at once if it waits between two attempts. */
    hurry(): void;
    /** The server's hints have changed. */
    hinted(hints: Hints): void;
    /** Posts no more; a request that is on its way is cut off. */
    close(): void;
    /** An event as it is posted. */
    line(event: QueuedEvent): string;
}
