import { command, type CommandHandle, type CommandOptions } from './command.js';
import { call, runPath } from './context.js';
import { control, type ControlOptions, type Lease } from './control.js';
import type { FollowContext } from './follower.js';
import type { Command } from './generated/index.js';
import type { EventPage } from './messages.js';
import { Publisher } from './publish.js';
import type { PublishOptions } from './publish-types.js';
import { readEvents, readState, readTests } from './read.js';
import type { PageQuery, RunEvent, RunState, TestQuery, TestState, WatchOptions } from './types.js';
import { type Artifact, upload, type UploadOptions } from './upload.js';
import { Watch } from './watch.js';

/** A run of tests. It may not exist yet: the first event creates it. */
export class Run {
  readonly #context: FollowContext;

  /** Made by `runcast.run()`. */
  constructor(
    context: FollowContext,
    readonly id: string,
  ) {
    this.#context = context;
  }

  /** The page on which people watch the run. */
  get url(): string {
    return `${this.#context.baseUrls.current}/runs/${encodeURIComponent(this.id)}`;
  }

  /** Watches the run: an async iterator of its events, and an `EventTarget`. */
  watch(options?: WatchOptions): Watch {
    return new Watch(this.#context, this.id, options);
  }

  /** The run's state now. */
  state(options?: { signal?: AbortSignal }): Promise<RunState> {
    return readState(this.#context, this.id, options);
  }

  /** The run's tests; more are asked for while they are iterated over. */
  tests(query?: TestQuery): AsyncIterable<TestState> {
    return readTests(this.#context, this.id, query);
  }

  /** The run's events up to the last one now, in pages. */
  events(query?: PageQuery): AsyncIterable<EventPage<RunEvent>> {
    return readEvents(this.#context, this.id, query);
  }

  /** Gives a command. Throws an `ApiError` with the code of the refusal. */
  command(what: Command, options?: CommandOptions): Promise<CommandHandle> {
    return command(this.#context, this.id, what, options);
  }

  /** Takes control of the run, and renews it until the lease is released: `await using lease = await run.control()`. */
  control(options?: ControlOptions): Promise<Lease> {
    return control(this.#context, this.id, options);
  }

  /** Posts events to the run, as a producer of its own. */
  publish(options?: PublishOptions): Publisher {
    return new Publisher(this.#context, this.id, options);
  }

  /** The run as one file: `html`, a page; `junit`, JUnit XML; `zip`, its log and all artifacts. */
  async export(format: 'html' | 'junit' | 'zip', options: { signal?: AbortSignal } = {}): Promise<Uint8Array> {
    const path = `${runPath(this.id)}/export?format=${format}`;
    return (await call(this.#context, { method: 'GET', path, ...options })).bytes();
  }

  /**
   * Deletes the run, with its artifacts and its history. One that has not ended only with `force`: else an `ApiError`
   * `run_live` is thrown.
   */
  async delete(options: { force?: boolean; signal?: AbortSignal } = {}): Promise<void> {
    const { force = false, ...rest } = options;
    await call(this.#context, { method: 'DELETE', path: runPath(this.id) + (force ? '?force=1' : ''), ...rest });
  }

  /** Uploads a file as an artifact of the run: a Blob, bytes, or in Node.js the path of a file. */
  upload(file: Blob | Uint8Array | string, options?: UploadOptions): Promise<Artifact> {
    return upload(this.#context, this.id, file, options);
  }
}
