import type { ConnectedMessage, EpochMessage, GapMessage, ResetMessage } from './messages.js';
/** All events up to `seq`, as `epoch` stored them. */
interface Place {
    epoch: string | null;
    seq: number;
}
/**
 * What a message means for a watch: news; something that it has had from another connection; or a sign that the
 * connection's place in the log can't be reconciled with the watch's, which has to come back with its own cursor.
 */
export type Verdict = 'new' | 'known' | 'resync';
/** Where a watch stands in the log, and where the connection stands that tells it of the log. No I/O. */
export declare class Position {
    #private;
    /** `after`: where the watch begins, as in the query. */
    constructor(after: string);
    /** What to pass as `after` to go on. */
    get after(): string;
    get cursor(): string | undefined;
    get seq(): number | undefined;
    /** Seq of the run's last event, as far as it is known. */
    get tip(): number;
    /** A connection has begun, and is the one whose messages are told from now on. */
    connected(message: ConnectedMessage): Verdict;
    epoch(message: EpochMessage): Verdict;
    event(seq: number): Verdict;
    gap(message: GapMessage): Verdict;
    reset(message: ResetMessage): Verdict;
}
/** The place that a cursor names: `epoch:seq`, or `seq` while the run has no event. */
export declare function parsed(cursor: string): Place;
export declare function written({ epoch, seq }: Place): string;
export {};
