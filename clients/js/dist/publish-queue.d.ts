import type { NewEvent } from './publish-types.js';
/** Whether an event may go when the queue is full: steps and log are detail. */
export type EventKind = 'step' | 'log' | 'kept';
/** An event that waits to be posted. */
export interface QueuedEvent {
    /** As JSON, without a variant if it takes one. */
    text: string;
    /** Bytes of the text in UTF-8. */
    bytes: number;
    kind: EventKind;
    /** The type, for messages. */
    type: string;
    /** The attempt at a test that a step belongs to. */
    attempt?: string;
    /** The variant of the run is added when it is posted. */
    takesVariant: boolean;
    /** No other event is in the same request behind it: its answer decides about them. */
    closesBatch: boolean;
    /** A final status of the run. */
    isEnd: boolean;
    /** Counts up, in the order of `emit`. */
    ordinal: number;
}
/** An event as it waits. Throws what `JSON.stringify` throws. */
export declare function queued(event: NewEvent, ordinal: number): QueuedEvent;
/** The attempt at a test that an event says has passed. */
export declare function passedAttempt(event: NewEvent): string | undefined;
/** The bytes of a text in UTF-8. */
export declare function utf8Length(text: string): number;
/** Events that wait, in order and within bounds. */
export declare class EventQueue {
    #private;
    private readonly limit;
    /** Bytes of all that wait, and of what was taken and is not settled. */
    bytes: number;
    /** Events that went because the queue was full, since they were last told. */
    dropped: number;
    droppedInAll: number;
    constructor(limit: number);
    get length(): number;
    /** The event that has waited longest. */
    get first(): QueuedEvent | undefined;
    /** Whether an event of so many bytes would be too much. */
    isFull(bytes: number, limit?: number): boolean;
    /** An event goes, because there is no room. */
    drop(): void;
    /** Adds an event, and lets detail go for it if the queue is full; false if even so it does not fit. */
    pushOver(event: QueuedEvent): boolean;
    /** Adds an event, up to twice the limit; false if it does not fit. */
    push(event: QueuedEvent): boolean;
    /** The steps of this attempt go first. */
    passed(attempt: string): void;
    /** Takes events from the front, at least one if there is any; they count until they are settled. */
    take(maxEvents: number, maxBytes: number): QueuedEvent[];
    /** An event that was taken is stored, or refused. */
    settle(event: QueuedEvent): void;
    /** An event that was taken has another text. */
    resize(event: QueuedEvent, text: string): void;
}
