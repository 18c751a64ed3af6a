import { callJson, type Context, runPath } from './context.js';
import type { EventPage } from './messages.js';
import type {
  HistoryTest,
  PageQuery,
  RunComparison,
  RunEvent,
  RunHistory,
  RunQuery,
  RunState,
  RunSummary,
  RunTimeline,
  SearchHit,
  SearchQuery,
  StateQuery,
  TestQuery,
  TestState,
  TimelineQuery,
} from './types.js';

/** The state of a run, now or as it was. */
export function readState(context: Context, runId: string, query: StateQuery = {}): Promise<RunState> {
  const { at, signal } = query;
  const path = at === undefined ? runPath(runId) : `${runPath(runId)}?${search({ at })}`;
  return callJson<RunState>(context, { method: 'GET', path, ...signalOf(signal) });
}

/** The run over time. */
export function readTimeline(context: Context, runId: string, query: TimelineQuery = {}): Promise<RunTimeline> {
  const path = `${runPath(runId)}/timeline?${search({ bins: query.bins })}`;
  return callJson<RunTimeline>(context, { method: 'GET', path, ...signalOf(query.signal) });
}

/** The lines of a run that have what is searched for; more of its log is looked through while they are iterated over. */
export async function* readHits(context: Context, runId: string, q: string, query: SearchQuery = {}): AsyncGenerator<SearchHit, void> {
  const { types, test, variant, limit, signal } = query;
  let after = String(query.after ?? '');
  for (let more = true; more; ) {
    const path = `${runPath(runId)}/search?${search({ q, types: types?.join(','), test, variant, limit, after })}`;
    const page: { hits: SearchHit[]; cursor: string; more: boolean } = await callJson(context, {
      method: 'GET', path, ...signalOf(signal),
    });
    yield* page.hits;
    after = page.cursor;
    more = page.more;
  }
}

/** The pages of a run's tests, one after the other. */
export async function* readTests(context: Context, runId: string, query: TestQuery = {}): AsyncGenerator<TestState, void> {
  const { status, variant, at, limit = 500, signal } = query;
  const statuses = status === undefined ? undefined : typeof status === 'string' ? status : status.join(',');
  let after = 0;
  for (let more = true; more; ) {
    const path = `${runPath(runId)}/tests?${search({ after, limit, status: statuses, variant, at })}`;
    const page: { tests: TestState[]; next: number; more: boolean } = await callJson(context, { method: 'GET', path, ...signalOf(signal) });
    yield* page.tests;
    after = page.next;
    more = page.more;
  }
}

/** The events of a run up to its last one now, page by page; with `before` from there back to its first. */
export async function* readEvents(context: Context, runId: string, query: PageQuery = {}): AsyncGenerator<EventPage<RunEvent>, void> {
  const { types, test, variant, limit = 1_000, signal } = query;
  const filter = { types: types?.join(','), test, variant };
  let { after, before }: { after?: PageQuery['after']; before?: PageQuery['before'] | null } = query;
  for (let more = true; more; ) {
    const path = `${runPath(runId)}/events?${search({ after, before, limit, ...filter })}`;
    const page: EventPage<RunEvent> = await callJson(context, { method: 'GET', path, ...signalOf(signal) });
    yield page;
    if (before === undefined) after = page.cursor;
    else before = page.before;
    more = page.more && before !== null;
  }
}

/** The runs, the one that changed last first. */
export async function* readRuns(context: Context, query: RunQuery = {}): AsyncGenerator<RunSummary, void> {
  const { status, since, limit = 100, signal, group, q, project, branch, author, label } = query;
  const statuses = status === undefined || typeof status === 'string' ? status : status.join(',');
  const from = since instanceof Date ? since.toISOString() : since;
  const chosen = { status: statuses, group, q, project, branch, author, label, since: from };
  const filter = { ...chosen, limit, groups: 0, projects: 0 };
  let cursor: string | null | undefined;
  do {
    const path = `/api/runs?${search({ ...filter, cursor })}`;
    const page: { runs: RunSummary[]; cursor: string | null; more: boolean } = await callJson(context, {
      method: 'GET', path, ...signalOf(signal),
    });
    yield* page.runs;
    cursor = page.more ? page.cursor : null;
  } while (cursor !== null);
}

/** How tests ended in the last runs, up to this one. */
export function readHistory(
  context: Context, runId: string, tests: readonly HistoryTest[], options: { signal?: AbortSignal } = {},
): Promise<RunHistory> {
  const asked = new URLSearchParams();
  const inVariants = tests.some((test) => typeof test !== 'string');
  for (const test of tests) {
    const { testId, variant } = typeof test === 'string' ? { testId: test, variant: null } : test;
    asked.append('test', testId);
    if (inVariants) asked.append('variant', variant ?? '');
  }
  return callJson<RunHistory>(context, { method: 'GET', path: `${runPath(runId)}/history?${asked}`, ...options });
}

/** What has changed since another run. */
export function readComparison(
  context: Context, runId: string, { with: other, signal }: { with?: string; signal?: AbortSignal } = {},
): Promise<RunComparison> {
  const path = `${runPath(runId)}/compare?${search({ with: other })}`;
  return callJson<RunComparison>(context, { method: 'GET', path, ...signalOf(signal) });
}

function search(parameters: Record<string, string | number | null | undefined>): URLSearchParams {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
}

function signalOf(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
