import { type Context } from './context.js';
import { type ApiError } from './errors.js';
import type { Hints, ReceivedCommand } from './publish-types.js';
/** The answer to a post. */
export interface Posted {
    stored: number;
    duplicates: number;
    producerSeq: number | null;
    viewers?: number | null;
    hints?: Hints;
    commands?: ReceivedCommand[];
    moreCommands?: boolean;
    commandsCursor?: string;
    commandsReset?: boolean;
    ignored?: string[];
}
/** One request with events. */
export interface Post {
    path: string;
    lines: string[];
    producer: string;
    /** The number of the first event. */
    seq: number;
    /** Numbers before it were skipped. */
    skips: boolean;
    /** The commands that are known. */
    commandsAfter: string | undefined;
    gzipOver: number;
    signal: AbortSignal;
}
/** The answer is not one of runcast's: something in between has answered. */
export declare class ForeignAnswer extends Error {
    name: string;
}
/** Posts events once. Throws `ApiError` and `ForeignAnswer`, and what the transport throws. */
export declare function postEvents(context: Context, post: Post): Promise<Posted>;
/** What is to be done after a refusal. */
export type Remedy = {
    do: 'refuse' | 'shorten';
    index: number;
} | {
    do: 'split';
    by: 'events' | 'bytes';
    bodyBytes: number;
} | {
    do: 'rewind';
    expected: number;
} | {
    do: 'full' | 'end' | 'plain' | 'again';
};
/** What is to be done after this refusal of a post with these lines. */
export declare function remedy(error: ApiError, lines: string[]): Remedy;
