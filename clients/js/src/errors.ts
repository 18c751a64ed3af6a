import type { HttpResponse } from './transport.js';

/** The server refused a request. */
export class ApiError extends Error {
  override name = 'ApiError';
  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** What is wrong, in a stable word: `run_not_found` for instance; `http_STATUS` if the answer names none. */
    readonly code: string,
    /** The same for people; it names the field, index or limit. */
    readonly detail: string,
    /** The further members of the answer: `index`, `expected`, `holder` for instance. */
    readonly members: Readonly<Record<string, unknown>> = {},
    /** How long to wait before the request is repeated, in milliseconds, if the server said so. */
    readonly retryAfterMs?: number,
  ) {
    super(`${status} ${code}: ${detail}`);
  }

  /** The request may pass when it is repeated later. */
  get passing(): boolean {
    return this.status >= 500 ? this.status !== 501 : this.status === 408 || this.status === 429;
  }
}

/** The server has closed a watch for good: coming back would end in the same way. */
export class ClosedError extends Error {
  override name = 'ClosedError';
  constructor(
    /** The WebSocket's close code: 4410 for instance. */
    readonly closeCode: number,
    /** The reason in a stable word: `gone` for instance. */
    readonly reason: string,
    message: string,
  ) {
    super(`${closeCode} ${reason}: ${message}`);
  }
}

const PROBLEM_MEMBERS = new Set(['type', 'title', 'status', 'code', 'detail']);

/** Reads a refusal. What is not `application/problem+json`, from a proxy for instance, becomes `http_STATUS`. */
export async function apiError(response: HttpResponse): Promise<ApiError> {
  const retryAfterMs = retryAfter(response.header('retry-after'));
  let text = '';
  try {
    text = new TextDecoder().decode(await response.bytes());
    const problem: unknown = JSON.parse(text);
    if (typeof problem === 'object' && problem !== null && 'code' in problem && typeof problem.code === 'string') {
      const detail = 'detail' in problem && typeof problem.detail === 'string' ? problem.detail : '';
      const members = Object.fromEntries(Object.entries(problem).filter(([name]) => !PROBLEM_MEMBERS.has(name)));
      return new ApiError(response.status, problem.code, detail, members, retryAfterMs);
    }
  } catch {
    // No JSON, or the connection broke within the body: the status says enough.
  }
  const shown = text.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim().slice(0, 200);
  return new ApiError(response.status, `http_${response.status}`, shown || 'no reason given', {}, retryAfterMs);
}

/** The milliseconds that a `Retry-After` header means: seconds, or a date. */
export function retryAfter(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
