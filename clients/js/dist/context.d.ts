import type { BaseUrls } from './base-urls.js';
import type { HttpRequest, HttpResponse, Transport } from './transport.js';
/** What every part of the client needs to talk to the server. */
export interface Context {
    readonly baseUrls: BaseUrls;
    readonly transport: Transport;
    /** The token to send, if there is one. It is asked for at each request, so it may change. */
    readonly token: () => Promise<string | undefined>;
    /** The server has answered 401 to this token, or to none. False: there is no other one. Missing: never. */
    readonly refuse?: ((token: string | undefined) => boolean) | undefined;
    /** The token ends soon: the next one is to be asked for. Missing: there is no other one. */
    readonly renew?: (() => void) | undefined;
    /** Names the client in `Runcast-Client`: `NAME/VERSION`. */
    readonly clientName: string;
    /** Who sends the requests, if they say so: `Runcast-User`. */
    readonly user?: string | undefined;
    /** By what the server knows them if they give no name: `clientId`. */
    readonly clientId?: string | undefined;
}
/** A request below a base URL. */
export interface ApiRequest extends Omit<HttpRequest, 'url'> {
    /** From the first slash: `/api/runs/...`. */
    path: string;
}
/**
 * Sends a request once, with the token and the client's name; once more if the token was refused and there is another
 * one, unless its body can't be read twice. Resolves to the answer, whatever its status. A request without an answer, and
 * one that a node can't serve now, make the next base URL the current one.
 */
export declare function send(context: Context, request: ApiRequest): Promise<HttpResponse>;
/** Whether a body can be read once only. */
export declare function isStream(body: ApiRequest['body']): boolean;
/** Like {@link send}, but throws an `ApiError` unless the status is 2xx. */
export declare function call(context: Context, request: ApiRequest): Promise<HttpResponse>;
/** Like {@link call}; resolves to the JSON of the answer. */
export declare function callJson<T>(context: Context, request: ApiRequest): Promise<T>;
/** The path of a run: `/api/runs/{runId}`. */
export declare function runPath(runId: string): string;
