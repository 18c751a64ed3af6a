import { type Context } from './context.js';
import type { EventPage } from './messages.js';
import type { PageQuery, RunEvent, RunQuery, RunState, RunSummary, TestQuery, TestState } from './types.js';
/** The state of a run. */
export declare function readState(context: Context, runId: string, options?: {
    signal?: AbortSignal;
}): Promise<RunState>;
/** The pages of a run's tests, one after the other. */
export declare function readTests(context: Context, runId: string, query?: TestQuery): AsyncGenerator<TestState, void>;
/** The events of a run up to its last one now, page by page. */
export declare function readEvents(context: Context, runId: string, query?: PageQuery): AsyncGenerator<EventPage<RunEvent>, void>;
/** The runs, the one that changed last first. */
export declare function readRuns(context: Context, query?: RunQuery): AsyncGenerator<RunSummary, void>;
