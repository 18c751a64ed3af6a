import type { LookupFunction } from 'node:net';
/**
 * Like `dns.lookup`, but on Linux it asks nothing of name servers that do not answer: `dns.lookup` waits for them for 10 s
 * and more in a thread, and `process.exit()` waits for that thread.
 */
export declare const lookup: LookupFunction;
/** `servers`: other name servers than the system's, `127.0.0.1:5353` for instance. */
export declare function lookupBy(servers?: string[], answerMs?: number): LookupFunction;
