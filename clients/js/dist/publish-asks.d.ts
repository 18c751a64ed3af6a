import type { Answer, Claim, CommandEvent, Question } from './publish-types.js';
/** What the questions of a producer need of it. */
export interface AskPort {
    /** Posts the question. */
    emit(event: {
        type: 'ai_stuck';
        askId: string;
    } & Record<string, unknown>): void;
    /** Asks for commands, or no more. */
    want(wanted: boolean): void;
    claim(commandId: string, signal?: AbortSignal): Promise<Claim | undefined>;
    report(commandId: string, status: 'done'): void;
}
/** The questions of a producer that wait for an answer. */
export declare class Asks {
    #private;
    private readonly port;
    constructor(port: AskPort);
    /** Asks; resolves when it is answered or has expired. */
    ask(askId: string, question: Question, signal?: AbortSignal): Promise<Answer>;
    /** An event of the log that may be about a question. */
    event(event: CommandEvent): void;
    /** The server did not open a question. */
    refused(askId: string, reason: Error): void;
    /** Nothing is going to be answered any more. */
    end(reason: unknown): void;
}
