import type { EventQueue, QueuedEvent } from './publish-queue.js';
/** The events of one request. Their numbers follow those of the stored ones, `skip` numbers later. */
export interface Batch {
    events: QueuedEvent[];
    /** Numbers of events that were dropped or lost before these. */
    skip: number;
    /** They were stored before, and were lost by the store. */
    isResent: boolean;
}
/** The most that a request has. */
export interface BatchLimits {
    events: number;
    bytes: number;
}
/** What the server says of the numbers in the answer to a post. */
export interface Numbers {
    stored: number;
    duplicates: number;
    /** The highest number of the producer that is stored. */
    producerSeq: number | null;
}
/** The events of a producer on their way: it makes batches of them, numbers them, and knows what is stored. */
export declare class Outbox {
    #private;
    readonly queue: EventQueue;
    private readonly limits;
    /** The number of the next event. */
    next: number;
    /** The run takes nothing but its end. */
    isFull: boolean;
    constructor(queue: EventQueue, limits: BatchLimits);
    /** Events that are not settled yet. */
    get pending(): number;
    /** The ordinal of the oldest of them. */
    get oldest(): number | undefined;
    /** Whether there is enough for a whole request. */
    get hasWholeBatch(): boolean;
    /** The batch that is to be posted next. */
    current(): Batch | undefined;
    /** The number of the batch's first event. */
    first(batch: Batch): number;
    /** The batch was posted, and may be stored. */
    isDoubtful(batch: Batch): void;
    /**
     * The batch is stored. Returns how many events are. Those that the server took for events of an earlier process with
     * the same producer's id stay, under new numbers.
     */
    stored(batch: Batch, numbers: Numbers): number;
    /** The request had too many events or bytes; false if it has but one event. */
    split(batch: Batch, by: 'events' | 'bytes', bodyBytes: number): boolean;
    /** The server refuses one event: the others go without it. */
    refuse(batch: Batch, index: number): QueuedEvent | undefined;
    /** An event is too large: a shorter one takes its place. False if it has been shortened as far as possible. */
    shorten(batch: Batch, index: number, reason: string): boolean;
    /** The server knows of numbers up to `expected` alone: what is still here is posted again, the rest is lost. */
    rewind(batch: Batch, expected: number): void;
    /** The run is full: all but its end is given up. Returns how many events that were. */
    giveUpDetail(): number;
    /** Gives up everything. Returns how many events that were. */
    giveUp(): number;
    /** What is left, as parts of numbered events, for a file. It stays. */
    rest(): Iterable<{
        first: number;
        events: QueuedEvent[];
    }>;
}
