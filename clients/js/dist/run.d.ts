import { type CommandHandle, type CommandOptions } from './command.js';
import { type ControlOptions, type Lease } from './control.js';
import type { FollowContext } from './follower.js';
import type { Command } from './generated/index.js';
import type { EventPage } from './messages.js';
import { Publisher } from './publish.js';
import type { PublishOptions } from './publish-types.js';
import type { HistoryTest, PageQuery, RunComparison, RunEvent, RunHistory, RunState, RunTimeline, SearchHit, SearchQuery, StateQuery, TestQuery, TestState, TimelineQuery, WatchOptions } from './types.js';
import { type Artifact, type UploadOptions } from './upload.js';
import { Watch } from './watch.js';
/** A run of tests. It may not exist yet: the first event creates it. */
export declare class Run {
    #private;
    readonly id: string;
    /** Made by `runcast.run()`. */
    constructor(context: FollowContext, id: string);
    /** The page on which people watch the run. */
    get url(): string;
    /** Watches the run: an async iterator of its events, and an `EventTarget`. */
    watch(options?: WatchOptions): Watch;
    /** The run's state now, or as it was after an event. */
    state(query?: StateQuery): Promise<RunState>;
    /** The run's tests; more are asked for while they are iterated over. */
    tests(query?: TestQuery): AsyncIterable<TestState>;
    /** The run's events up to the last one now, in pages; with `before` backwards. */
    events(query?: PageQuery): AsyncIterable<EventPage<RunEvent>>;
    /** The lines of the run that have these words, in any case of their letters. */
    search(words: string, query?: SearchQuery): AsyncIterable<SearchHit>;
    /** How much happened when, and the moments that people look for. */
    timeline(query?: TimelineQuery): Promise<RunTimeline>;
    /** How up to 50 tests ended in the last runs of the project, up to this one. */
    history(tests: readonly HistoryTest[], options?: {
        signal?: AbortSignal;
    }): Promise<RunHistory>;
    /** What has changed since another run, by default the last one of the same project and branch. */
    compare(options?: {
        with?: string;
        signal?: AbortSignal;
    }): Promise<RunComparison>;
    /** Gives a command. Throws an `ApiError` with the code of the refusal. */
    command(what: Command, options?: CommandOptions): Promise<CommandHandle>;
    /** Takes control of the run, and renews it until the lease is released: `await using lease = await run.control()`. */
    control(options?: ControlOptions): Promise<Lease>;
    /** Posts events to the run, as a producer of its own. */
    publish(options?: PublishOptions): Publisher;
    /** The run as one file: `html`, a page; `junit`, JUnit XML; `zip`, its log and all artifacts. */
    export(format: 'html' | 'junit' | 'zip', options?: {
        signal?: AbortSignal;
    }): Promise<Uint8Array>;
    /**
     * Deletes the run, with its artifacts and its history. One that has not ended only with `force`: else an `ApiError`
     * `run_live` is thrown.
     */
    delete(options?: {
        force?: boolean;
        signal?: AbortSignal;
    }): Promise<void>;
    /** Uploads a file as an artifact of the run: a Blob, bytes, or in Node.js the path of a file. */
    upload(file: Blob | Uint8Array | string, options?: UploadOptions): Promise<Artifact>;
}
