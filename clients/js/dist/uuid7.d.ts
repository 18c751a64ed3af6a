/** A UUIDv7 (RFC 9562): the time in milliseconds, then random bits. */
export declare function uuid7(now?: number): string;
