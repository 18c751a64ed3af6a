import { openFile } from '#file';
import { Backoff, sleep } from './backoff.js';
import { callJson, isStream, runPath } from './context.js';
import { ApiError } from './errors.js';
import { uuid7 } from './uuid7.js';
/** Longest time without any progress, in milliseconds. */
const TIMEOUT_MS = 60_000;
/** How long an upload is repeated without any progress, in milliseconds. */
const PATIENCE_MS = 120_000;
/** The largest content, in bytes, that is read into memory for its digest. */
const MAX_DIGESTED = 64 * 1024 * 1024;
/**
 * Uploads a file: a Blob, bytes, or in Node.js the path of a file. A connection that breaks is no matter: the upload is
 * repeated, and stored once. Throws an `ApiError` for a refusal.
 */
export async function upload(context, runId, file, options = {}) {
    const { signal, onProgress } = options;
    const content = await contentOf(file);
    const name = options.name ?? content.name;
    if (name === undefined || name === '')
        throw new TypeError('`name` is missing: bytes have none of their own');
    const headers = { 'idempotency-key': `"${uuid7()}"`, 'content-length': String(content.size) };
    const type = options.contentType ?? content.type;
    if (type !== undefined)
        headers['content-type'] = type;
    if (options.kind !== undefined)
        headers['runcast-kind'] = options.kind;
    if (options.test !== undefined)
        headers['runcast-test'] = options.test;
    if (content.digest !== undefined)
        headers['content-digest'] = `sha-256=:${content.digest}:`;
    const backoff = new Backoff();
    let until = Date.now() + PATIENCE_MS;
    // Over all attempts: one that comes no further than those before is no progress.
    let best = 0;
    let isRenewed = false;
    for (;;) {
        const progress = (sent) => {
            if (sent > best)
                until = Date.now() + PATIENCE_MS;
            best = Math.max(best, sent);
            onProgress?.(sent, content.size);
        };
        const body = onProgress === undefined ? content.read() : counted(content.read(), progress);
        try {
            return await callJson(context, {
                method: 'PUT',
                path: `${runPath(runId)}/artifacts/${encodeURIComponent(name)}`,
                headers,
                body,
                timeoutMs: TIMEOUT_MS,
                ...(signal && { signal }),
            });
        }
        catch (error) {
            const isRefusal = error instanceof ApiError;
            // A stream can't be sent again by itself; the token is another one now.
            if (isRefusal && error.status === 401 && isStream(body) && !isRenewed && context.refuse?.(undefined) === true) {
                isRenewed = true;
                continue;
            }
            if (signal?.aborted === true || (isRefusal && isFinal(error)) || isFileError(error))
                throw error;
            const pause = backoff.next(isRefusal ? (error.retryAfterMs ?? 0) : 0);
            if (Date.now() + pause > until)
                throw error;
            await sleep(pause, signal);
        }
    }
}
async function contentOf(file) {
    if (typeof file === 'string') {
        if (openFile === undefined)
            throw new TypeError('a path can be uploaded in Node.js alone: give a Blob or bytes');
        return { ...(await openFile(file)), type: undefined };
    }
    const blob = file instanceof Blob ? file : new Blob([file]);
    const name = 'name' in blob && typeof blob.name === 'string' ? blob.name : undefined;
    return { name, size: blob.size, type: blob.type || undefined, digest: await digestOf(blob), read: () => blob };
}
/** SHA-256 in base64. Browsers compute it on pages that came encrypted, or from this machine, alone. */
async function digestOf(blob) {
    const subtle = globalThis.crypto.subtle;
    if (subtle === undefined || blob.size > MAX_DIGESTED)
        return undefined;
    const digest = new Uint8Array(await subtle.digest('SHA-256', await blob.arrayBuffer()));
    return btoa(String.fromCharCode(...digest));
}
/** The same bytes, and how many have been taken. */
async function* counted(from, progress) {
    let sent = 0;
    for await (const part of from instanceof Blob ? slices(from) : from) {
        yield part;
        sent += part.byteLength;
        progress(sent);
    }
}
async function* slices(blob) {
    for (let at = 0; at < blob.size; at += 256 * 1024) {
        yield new Uint8Array(await blob.slice(at, at + 256 * 1024).arrayBuffer());
    }
}
/** No repeat changes this answer. A run that has all the artifacts it may have does not get room for more. */
function isFinal(error) {
    return !error.passing || error.code === 'too_many_artifacts';
}
/** The file can't be read any more, which no repeat changes. */
function isFileError(error) {
    return error instanceof Error && 'syscall' in error && 'path' in error;
}
