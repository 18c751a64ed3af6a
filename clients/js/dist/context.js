import { apiError } from './errors.js';
/**
 * Sends a request once, with the token and the client's name; once more if the token was refused and there is another
 * one, unless its body can't be read twice. Resolves to the answer, whatever its status. A request without an answer, and
 * one that a node can't serve now, make the next base URL the current one.
 */
export async function send(context, request) {
    const token = await context.token();
    const response = await sendWith(context, request, token);
    if (response.status !== 401 || context.refuse?.(token) !== true || isStream(request.body))
        return response;
    const next = await context.token();
    if (next === token || next === undefined)
        return response;
    await response.bytes().catch(() => { }); // the connection is free then
    return sendWith(context, request, next);
}
/** Whether a body can be read once only. */
export function isStream(body) {
    return typeof body === 'object' && Symbol.asyncIterator in body;
}
async function sendWith(context, request, token) {
    const { path, ...rest } = request;
    const base = context.baseUrls.current;
    const headers = { 'runcast-client': context.clientName, ...request.headers };
    if (context.user !== undefined)
        headers['runcast-user'] = byteString(context.user);
    if (token !== undefined)
        headers['authorization'] = `Bearer ${token}`;
    try {
        const response = await context.transport.send({ ...rest, url: base + path, headers });
        if (response.status === 502 || response.status === 503 || response.status === 504)
            context.baseUrls.leave(base);
        return response;
    }
    catch (error) {
        if (request.signal?.aborted !== true)
            context.baseUrls.leave(base);
        throw error;
    }
}
// headers are bytes, one for each character: those of UTF-8
function byteString(text) {
    return String.fromCharCode(...new TextEncoder().encode(text));
}
/** Like {@link send}, but throws an `ApiError` unless the status is 2xx. */
export async function call(context, request) {
    const response = await send(context, request);
    if (response.status < 200 || response.status > 299)
        throw await apiError(response);
    return response;
}
/** Like {@link call}; resolves to the JSON of the answer. */
export async function callJson(context, request) {
    const response = await call(context, request);
    return JSON.parse(new TextDecoder().decode(await response.bytes()));
}
/** The path of a run: `/api/runs/{runId}`. */
export function runPath(runId) {
    return `/api/runs/${encodeURIComponent(runId)}`;
}
