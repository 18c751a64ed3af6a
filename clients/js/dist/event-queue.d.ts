/** The events that a watch holds for its iterator, with the bytes that they had on the wire. */
export declare class EventQueue<T> {
    #private;
    get bytes(): number;
    get length(): number;
    push(value: T, bytes: number, seq: number, cursor: string): void;
    shift(): {
        value: T;
        seq: number;
        cursor: string;
    } | undefined;
    /** Takes back all entries from a seq on. */
    dropFrom(seq: number): void;
    clear(): void;
}
