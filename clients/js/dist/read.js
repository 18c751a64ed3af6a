import { callJson, runPath } from './context.js';
/** The state of a run. */
export function readState(context, runId, options = {}) {
    return callJson(context, { method: 'GET', path: runPath(runId), ...options });
}
/** The pages of a run's tests, one after the other. */
export async function* readTests(context, runId, query = {}) {
    const { status, variant, limit = 500, signal } = query;
    const statuses = status === undefined ? undefined : typeof status === 'string' ? status : status.join(',');
    let after = 0;
    for (let more = true; more;) {
        const path = `${runPath(runId)}/tests?${search({ after, limit, status: statuses, variant })}`;
        const page = await callJson(context, { method: 'GET', path, ...signalOf(signal) });
        yield* page.tests;
        after = page.next;
        more = page.more;
    }
}
/** The events of a run up to its last one now, page by page. */
export async function* readEvents(context, runId, query = {}) {
    const { limit = 1_000, signal } = query;
    let after = String(query.after ?? '');
    for (let more = true; more;) {
        const path = `${runPath(runId)}/events?${search({ after, limit })}`;
        const page = await callJson(context, { method: 'GET', path, ...signalOf(signal) });
        yield page;
        after = page.cursor;
        more = page.more;
    }
}
/** The runs, the one that changed last first. */
export async function* readRuns(context, query = {}) {
    const { status, limit = 100, signal } = query;
    let cursor;
    do {
        const path = `/api/runs?${search({ status, limit, cursor })}`;
        const page = await callJson(context, {
            method: 'GET', path, ...signalOf(signal),
        });
        yield* page.runs;
        cursor = page.more ? page.cursor : null;
    } while (cursor !== null);
}
function search(parameters) {
    const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== '');
    return new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
}
function signalOf(signal) {
    return signal === undefined ? {} : { signal };
}
