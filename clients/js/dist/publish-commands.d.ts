import { type Context } from './context.js';
import type { Posted } from './publish-post.js';
import type { Claim, Hints, ReceivedCommand } from './publish-types.js';
/** What the commands of a producer are handed to. */
export interface CommandTarget {
    command(command: ReceivedCommand): void;
    hints(hints: Hints): void;
}
/** What is wanted of a producer: from the answers to its posts, and from questions for it. */
export declare class Commands {
    #private;
    private readonly context;
    private readonly runId;
    private readonly producer;
    private readonly target;
    /** The last command that has been handed on. */
    after: string | undefined;
    readonly claims: Map<string, string>;
    constructor(context: Context, runId: string, producer: string, target: CommandTarget);
    /** Whether commands are asked for also while nothing is posted. */
    want(wanted: boolean): void;
    /** Takes what the answer to a post or frame says. */
    answered(answer: Partial<Posted>): void;
    /**
     * Claims an act, for this producer alone. Undefined: another one has it, or it is too late. Repeats the request until
     * the server answers.
     */
    claim(commandId: string, signal?: AbortSignal): Promise<Claim | undefined>;
}
