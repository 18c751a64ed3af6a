import { type Transport } from './transport.js';
/** The transport of browsers and workers. */
export declare function createTransport(): Transport;
/** Sends requests with a `fetch`. */
export declare function fetchTransport(send: typeof fetch): Transport;
