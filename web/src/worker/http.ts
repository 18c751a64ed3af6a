/** Requests to the server about one run. */
import { ApiError } from '@runcast/client';

import { Lines } from './pages.js';
import { membersOf, textOf } from './read.js';

export type Query = Record<string, string | number | null | undefined>;

/** A page of events as lines. */
export interface LinesPage {
  lines: Lines;
  /** Seq behind which the next page begins. */
  after: number;
  more: boolean;
  /** Events that have expired: the last of them. */
  gapTo: number | null;
  /** Of a page that was asked for by its end: everything from here on is in it; null: there is nothing before it. */
  before: number | null;
}

/** Longest time without an answer. */
const TIMEOUT_MS = 30_000;
/** How long what may pass is tried again. */
const PATIENCE_MS = 60_000;

export class Http {
  /** Requests that were sent, how many of them because the server was busy, and bytes that came: for measurements. */
  requests = 0;
  repeats = 0;
  received = 0;
  readonly #run: string;

  constructor(
    private readonly baseUrl: string,
    runId: string,
  ) {
    this.#run = `/api/runs/${encodeURIComponent(runId)}`;
  }

  /** The JSON of an answer below the run. Throws an `ApiError`, or a `TypeError` without an answer. */
  async json<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    const { bytes } = await this.#get(path, query, 'application/json', signal);
    return JSON.parse(new TextDecoder().decode(bytes)) as T;
  }

  /** A page of events. */
  async lines(query: Query, signal?: AbortSignal): Promise<LinesPage> {
    const { bytes, headers } = await this.#get('/events', query, 'application/x-ndjson', signal);
    const cursor = headers.get('runcast-cursor') ?? '0';
    const gap = /(\d+)\D+(\d+)/.exec(headers.get('runcast-gap') ?? '');
    return {
      lines: Lines.of(bytes),
      after: Number(cursor.slice(cursor.lastIndexOf(':') + 1)) || 0,
      more: headers.get('runcast-more') === 'true',
      gapTo: gap === null ? null : Number(gap[2]),
      before: Number(headers.get('runcast-before')) || null,
    };
  }

  /** Posts JSON. Throws as {@link json} does. */
  async post(path: string, body: Record<string, unknown>): Promise<void> {
    this.requests += 1;
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    };
    const answer = await fetch(`${this.baseUrl}${this.#run}${path}`, init);
    if (!answer.ok) throw await refusalOf(answer);
  }

  /** Asks again while it may pass, for a minute. */
  async insist<T>(ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const until = Date.now() + PATIENCE_MS;
    for (let pause = 250; ; pause = Math.min(5_000, pause * 2)) {
      try {
        return await ask();
      } catch (error) {
        const isRefusal = error instanceof ApiError;
        if (signal?.aborted === true || (isRefusal && !error.passing) || Date.now() + pause > until) throw error;
        this.repeats += 1;
        const least = isRefusal ? (error.retryAfterMs ?? 0) : 0;
        await rest(Math.max(least, pause * (0.5 + Math.random() / 2)), signal);
      }
    }
  }

  async #get(path: string, query: Query, accept: string, signal?: AbortSignal) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
    const search =
      given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
    const stop = new AbortController();
    const abort = () => stop.abort(signal?.reason);
    if (signal?.aborted === true) throw signal.reason as Error;
    signal?.addEventListener('abort', abort);
    const timer = setTimeout(() => stop.abort(new Error(`no answer within ${TIMEOUT_MS / 1_000} s`)), TIMEOUT_MS);
    this.requests += 1;
    try {
      const url = `${this.baseUrl}${this.#run}${path}${search}`;
      const answer = await fetch(url, { headers: { accept }, signal: stop.signal });
      if (!answer.ok) throw await refusalOf(answer);
      const bytes = new Uint8Array(await answer.arrayBuffer());
      this.received += bytes.length;
      return { bytes, headers: answer.headers };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }
}

async function refusalOf(answer: Response): Promise<ApiError> {
  const seconds = Number(answer.headers.get('retry-after'));
  const retryAfterMs = seconds > 0 ? seconds * 1_000 : undefined;
  const text = await answer.text().catch(() => '');
  try {
    const { code, detail, type: _, title: __, status: ___, ...members } = membersOf(JSON.parse(text));
    if (typeof code === 'string') return new ApiError(answer.status, code, textOf(detail) ?? '', members, retryAfterMs);
  } catch {
    // Not the server's own answer.
  }
  return new ApiError(answer.status, `http_${answer.status}`, answer.statusText, {}, retryAfterMs);
}

/** Waits; rejects when the signal aborts. */
export function rest(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const timer = setTimeout(() => (signal?.removeEventListener('abort', stop), resolve()), ms);
    const stop = () => (clearTimeout(timer), reject(signal?.reason as Error));
    signal?.addEventListener('abort', stop, { once: true });
  });
}
