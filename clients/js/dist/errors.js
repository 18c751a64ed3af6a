/** The server refused a request. */
export class ApiError extends Error {
    status;
    code;
    detail;
    members;
    retryAfterMs;
    name = 'ApiError';
    constructor(
    /** The HTTP status. */
    status, 
    /** What is wrong, in a stable word: `run_not_found` for instance; `http_STATUS` if the answer names none. */
    code, 
    /** The same for people; it names the field, index or limit. */
    detail, 
    /** The further members of the answer: `index`, `expected`, `holder` for instance. */
    members = {}, 
    /** How long to wait before the request is repeated, in milliseconds, if the server said so. */
    retryAfterMs) {
        super(`${status} ${code}: ${detail}`);
        this.status = status;
        this.code = code;
        this.detail = detail;
        this.members = members;
        this.retryAfterMs = retryAfterMs;
    }
    /** The request may pass when it is repeated later. */
    get passing() {
        return this.status >= 500 ? this.status !== 501 : this.status === 408 || this.status === 429;
    }
}
/** The server has closed a watch for good: coming back would end in the same way. */
export class ClosedError extends Error {
    closeCode;
    reason;
    name = 'ClosedError';
    constructor(
    /** The WebSocket's close code: 4410 for instance. */
    closeCode, 
    /** The reason in a stable word: `gone` for instance. */
    reason, message) {
        super(`${closeCode} ${reason}: ${message}`);
        this.closeCode = closeCode;
        this.reason = reason;
    }
}
const PROBLEM_MEMBERS = new Set(['type', 'title', 'status', 'code', 'detail']);
/** Reads a refusal. What is not `application/problem+json`, from a proxy for instance, becomes `http_STATUS`. */
export async function apiError(response) {
    const retryAfterMs = retryAfter(response.header('retry-after'));
    let text = '';
    try {
        text = new TextDecoder().decode(await response.bytes());
        const problem = JSON.parse(text);
        if (typeof problem === 'object' && problem !== null && 'code' in problem && typeof problem.code === 'string') {
            const detail = 'detail' in problem && typeof problem.detail === 'string' ? problem.detail : '';
            const members = Object.fromEntries(Object.entries(problem).filter(([name]) => !PROBLEM_MEMBERS.has(name)));
            return new ApiError(response.status, problem.code, detail, members, retryAfterMs);
        }
    }
    catch {
        // No JSON, or the connection broke within the body: the status says enough.
    }
    const shown = text.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim().slice(0, 200);
    return new ApiError(response.status, `http_${response.status}`, shown || 'no reason given', {}, retryAfterMs);
}
/** The milliseconds that a `Retry-After` header means: seconds, or a date. */
export function retryAfter(header, now = Date.now()) {
    if (header === undefined)
        return undefined;
    const text = header.trim();
    if (/^\d+(\.\d+)?$/.test(text))
        return Number(text) * 1000;
    const date = Date.parse(text);
    return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
