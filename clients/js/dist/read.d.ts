import { type Context } from './context.js';
import type { EventPage } from './messages.js';
import type { HistoryTest, PageQuery, RunComparison, RunEvent, RunHistory, RunQuery, RunState, RunSummary, RunTimeline, SearchHit, SearchQuery, StateQuery, TestQuery, TestState, TimelineQuery } from './types.js';
/** The state of a run, now or as it was. */
export declare function readState(context: Context, runId: string, query?: StateQuery): Promise<RunState>;
/** The run over time. */
export declare function readTimeline(context: Context, runId: string, query?: TimelineQuery): Promise<RunTimeline>;
/** The lines of a run that have what is searched for; more of its log is looked through while they are iterated over. */
export declare function readHits(context: Context, runId: string, q: string, query?: SearchQuery): AsyncGenerator<SearchHit, void>;
/** The pages of a run's tests, one after the other. */
export declare function readTests(context: Context, runId: string, query?: TestQuery): AsyncGenerator<TestState, void>;
/** The events of a run up to its last one now, page by page; with `before` from there back to its first. */
export declare function readEvents(context: Context, runId: string, query?: PageQuery): AsyncGenerator<EventPage<RunEvent>, void>;
/** The runs, the one that changed last first. */
export declare function readRuns(context: Context, query?: RunQuery): AsyncGenerator<RunSummary, void>;
/** How tests ended in the last runs, up to this one. */
export declare function readHistory(context: Context, runId: string, tests: readonly HistoryTest[], options?: {
    signal?: AbortSignal;
}): Promise<RunHistory>;
/** What has changed since another run. */
export declare function readComparison(context: Context, runId: string, { with: other, signal }?: {
    with?: string;
    signal?: AbortSignal;
}): Promise<RunComparison>;
