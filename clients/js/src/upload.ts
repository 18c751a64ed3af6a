import { openFile } from '#file';

import { Backoff, sleep } from './backoff.js';
import { callJson, type Context, isStream, runPath } from './context.js';
import { ApiError } from './errors.js';
import type { ArtifactKind } from './generated/index.js';
import { uuid7 } from './uuid7.js';

/** Longest time without any progress, in milliseconds. */
const TIMEOUT_MS = 60_000;
/** How long an upload is repeated without any progress, in milliseconds. */
const PATIENCE_MS = 120_000;
/** The largest content, in bytes, that is read into memory for its digest. */
const MAX_DIGESTED = 64 * 1024 * 1024;

/** How a file is uploaded. */
export interface UploadOptions {
  /** The artifact's name; missing: that of the file. */
  name?: string;
  /** Missing: guessed from the name. */
  kind?: ArtifactKind;
  /** Missing: the Blob's, else guessed from the name. */
  contentType?: string;
  /** The id of the test that it belongs to. */
  test?: string;
  signal?: AbortSignal;
  /** How many bytes have been sent, of how many; it begins anew when a connection broke. */
  onProgress?(sent: number, size: number): void;
}

/** A file that a run left behind. */
export interface Artifact {
  artifactId: string;
  runId: string;
  name: string;
  kind: ArtifactKind;
  contentType: string;
  test: string | null;
  size: number;
  /** Bytes that are stored of it, and how much less that is. */
  storedSize: number;
  savedPercent: number;
  sha256: string;
  state: string;
  downloadUrl: string;
  traceUrl?: string | null;
  [member: string]: unknown;
}

interface Content {
  name: string | undefined;
  size: number;
  type: string | undefined;
  /** SHA-256 in base64; undefined where there is nothing to compute it with. */
  digest: string | undefined;
  read(): AsyncIterable<Uint8Array> | Blob;
}

/**
 * Uploads a file: a Blob, bytes, or in Node.js the path of a file. A connection that breaks is no matter: the upload is
 * repeated, and stored once. Throws an `ApiError` for a refusal.
 */
export async function upload(
  context: Context,
  runId: string,
  file: Blob | Uint8Array | string,
  options: UploadOptions = {},
): Promise<Artifact> {
  const { signal, onProgress } = options;
  const content = await contentOf(file);
  const name = options.name ?? content.name;
  if (name === undefined || name === '') throw new TypeError('`name` is missing: bytes have none of their own');
  const headers: Record<string, string> = { 'idempotency-key': `"${uuid7()}"`, 'content-length': String(content.size) };
  const type = options.contentType ?? content.type;
  if (type !== undefined) headers['content-type'] = type;
  if (options.kind !== undefined) headers['runcast-kind'] = options.kind;
  if (options.test !== undefined) headers['runcast-test'] = options.test;
  if (content.digest !== undefined) headers['content-digest'] = `sha-256=:${content.digest}:`;
  const backoff = new Backoff();
  let until = Date.now() + PATIENCE_MS;
  // Over all attempts: one that comes no further than those before is no progress.
  let best = 0;
  let isRenewed = false;
  for (;;) {
    const progress = (sent: number) => {
      if (sent > best) until = Date.now() + PATIENCE_MS;
      best = Math.max(best, sent);
      onProgress?.(sent, content.size);
    };
    const body = onProgress === undefined ? content.read() : counted(content.read(), progress);
    try {
      return await callJson<Artifact>(context, {
        method: 'PUT',
        path: `${runPath(runId)}/artifacts/${encodeURIComponent(name)}`,
        headers,
        body,
        timeoutMs: TIMEOUT_MS,
        ...(signal && { signal }),
      });
    } catch (error) {
      const isRefusal = error instanceof ApiError;
      // A stream can't be sent again by itself; the token is another one now.
      if (isRefusal && error.status === 401 && isStream(body) && !isRenewed && context.refuse?.(undefined) === true) {
        isRenewed = true;
        continue;
      }
      if (signal?.aborted === true || (isRefusal && isFinal(error)) || isFileError(error)) throw error;
      const pause = backoff.next(isRefusal ? (error.retryAfterMs ?? 0) : 0);
      if (Date.now() + pause > until) throw error;
      await sleep(pause, signal);
    }
  }
}

async function contentOf(file: Blob | Uint8Array | string): Promise<Content> {
  if (typeof file === 'string') {
    if (openFile === undefined) throw new TypeError('a path can be uploaded in Node.js alone: give a Blob or bytes');
    return { ...(await openFile(file)), type: undefined };
  }
  const blob = file instanceof Blob ? file : new Blob([file as Uint8Array<ArrayBuffer>]);
  const name = 'name' in blob && typeof blob.name === 'string' ? blob.name : undefined;
  return { name, size: blob.size, type: blob.type || undefined, digest: await digestOf(blob), read: () => blob };
}

/** SHA-256 in base64. Browsers compute it on pages that came encrypted, or from this machine, alone. */
async function digestOf(blob: Blob): Promise<string | undefined> {
  const subtle = globalThis.crypto.subtle as SubtleCrypto | undefined;
  if (subtle === undefined || blob.size > MAX_DIGESTED) return undefined;
  const digest = new Uint8Array(await subtle.digest('SHA-256', await blob.arrayBuffer()));
  return btoa(String.fromCharCode(...digest));
}

/** The same bytes, and how many have been taken. */
async function* counted(
  from: AsyncIterable<Uint8Array> | Blob,
  progress: (sent: number) => void,
): AsyncIterable<Uint8Array> {
  let sent = 0;
  for await (const part of from instanceof Blob ? slices(from) : from) {
    yield part;
    sent += part.byteLength;
    progress(sent);
  }
}

async function* slices(blob: Blob): AsyncIterable<Uint8Array> {
  for (let at = 0; at < blob.size; at += 256 * 1024) {
    yield new Uint8Array(await blob.slice(at, at + 256 * 1024).arrayBuffer());
  }
}

/** No repeat changes this answer. A run that has all the artifacts it may have does not get room for more. */
function isFinal(error: ApiError): boolean {
  return !error.passing || error.code === 'too_many_artifacts';
}

/** The file can't be read any more, which no repeat changes. */
function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'path' in error;
}
