import type { HttpResponse } from './transport.js';
/** The server refused a request. */
export declare class ApiError extends Error {
    /** The HTTP status. */
    readonly status: number;
    /** What is wrong, in a stable word: `run_not_found` for instance; `http_STATUS` if the answer names none. */
    readonly code: string;
    /** The same for people; it names the field, index or limit. */
    readonly detail: string;
    /** The further members of the answer: `index`, `expected`, `holder` for instance. */
    readonly members: Readonly<Record<string, unknown>>;
    /** How long to wait before the request is repeated, in milliseconds, if the server said so. */
    readonly retryAfterMs?: number | undefined;
    name: string;
    constructor(
    /** The HTTP status. */
    status: number, 
    /** What is wrong, in a stable word: `run_not_found` for instance; `http_STATUS` if the answer names none. */
    code: string, 
    /** The same for people; it names the field, index or limit. */
    detail: string, 
    /** The further members of the answer: `index`, `expected`, `holder` for instance. */
    members?: Readonly<Record<string, unknown>>, 
    /** How long to wait before the request is repeated, in milliseconds, if the server said so. */
    retryAfterMs?: number | undefined);
    /** The request may pass when it is repeated later. */
    get passing(): boolean;
}
/** The server has closed a watch for good: coming back would end in the same way. */
export declare class ClosedError extends Error {
    /** The WebSocket's close code: 4410 for instance. */
    readonly closeCode: number;
    /** The reason in a stable word: `gone` for instance. */
    readonly reason: string;
    name: string;
    constructor(
    /** The WebSocket's close code: 4410 for instance. */
    closeCode: number, 
    /** The reason in a stable word: `gone` for instance. */
    reason: string, message: string);
}
/** Reads a refusal. What is not `application/problem+json`, from a proxy for instance, becomes `http_STATUS`. */
export declare function apiError(response: HttpResponse): Promise<ApiError>;
/** The milliseconds that a `Retry-After` header means: seconds, or a date. */
export declare function retryAfter(header: string | undefined, now?: number): number | undefined;
