import type { BaseUrls } from './base-urls.js';
import { apiError } from './errors.js';
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
export async function send(context: Context, request: ApiRequest): Promise<HttpResponse> {
  const token = await context.token();
  const response = await sendWith(context, request, token);
  if (response.status !== 401 || context.refuse?.(token) !== true || isStream(request.body)) return response;
  const next = await context.token();
  if (next === token || next === undefined) return response;
  await response.bytes().catch(() => {}); // the connection is free then
  return sendWith(context, request, next);
}

/** Whether a body can be read once only. */
export function isStream(body: ApiRequest['body']): boolean {
  return typeof body === 'object' && Symbol.asyncIterator in body;
}

async function sendWith(context: Context, request: ApiRequest, token: string | undefined): Promise<HttpResponse> {
  const { path, ...rest } = request;
  const base = context.baseUrls.current;
  const headers: Record<string, string> = { 'runcast-client': context.clientName, ...request.headers };
  if (context.user !== undefined) headers['runcast-user'] = byteString(context.user);
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  try {
    const response = await context.transport.send({ ...rest, url: base + path, headers });
    if (response.status === 502 || response.status === 503 || response.status === 504) context.baseUrls.leave(base);
    return response;
  } catch (error) {
    if (request.signal?.aborted !== true) context.baseUrls.leave(base);
    throw error;
  }
}

// headers are bytes, one for each character: those of UTF-8
function byteString(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

/** Like {@link send}, but throws an `ApiError` unless the status is 2xx. */
export async function call(context: Context, request: ApiRequest): Promise<HttpResponse> {
  const response = await send(context, request);
  if (response.status < 200 || response.status > 299) throw await apiError(response);
  return response;
}

/** Like {@link call}; resolves to the JSON of the answer. */
export async function callJson<T>(context: Context, request: ApiRequest): Promise<T> {
  const response = await call(context, request);
  return JSON.parse(new TextDecoder().decode(await response.bytes())) as T;
}

/** The path of a run: `/api/runs/{runId}`. */
export function runPath(runId: string): string {
  return `/api/runs/${encodeURIComponent(runId)}`;
}
