/** One HTTP request to a runcast server. */
export interface HttpRequest {
    method: 'GET' | 'POST' | 'PUT' | 'DELETE';
    /** Absolute URL. */
    url: string;
    headers?: Record<string, string>;
    /** A text or bytes, or in Node.js a stream of bytes. */
    body?: string | Uint8Array | Blob | AsyncIterable<Uint8Array>;
    /** Aborts the request; the promise is then rejected with the signal's reason. */
    signal?: AbortSignal;
    /** Longest time without any progress, in milliseconds. */
    timeoutMs?: number;
    /** In Node.js: the process may end while it waits for the answer. */
    background?: boolean;
}
/** A response whose head has arrived. */
export interface HttpResponse {
    status: number;
    /** A header's value by its lower-case name. */
    header(name: string): string | undefined;
    /** The whole body. */
    bytes(): Promise<Uint8Array>;
}
/** Why a request got no response. */
export type TransportFailure = 'refused' | 'dns' | 'tls' | 'proxy' | 'timeout' | 'reset' | 'unreachable';
/** A request got no response. */
export declare class TransportError extends Error {
    readonly failure: TransportFailure;
    name: string;
    constructor(failure: TransportFailure, message: string, options?: {
        cause?: unknown;
    });
}
/** Sends requests: by `fetch`, or in Node.js by `node:https`, which knows proxies and certificates. */
export interface Transport {
    send(request: HttpRequest): Promise<HttpResponse>;
}
