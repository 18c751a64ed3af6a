import { command } from './command.js';
import { call, runPath } from './context.js';
import { control } from './control.js';
import { Publisher } from './publish.js';
import { readComparison, readEvents, readHistory, readHits, readState, readTests, readTimeline } from './read.js';
import { upload } from './upload.js';
import { Watch } from './watch.js';
/** A run of tests. It may not exist yet: the first event creates it. */
export class Run {
    id;
    #context;
    /** Made by `runcast.run()`. */
    constructor(context, id) {
        this.id = id;
        this.#context = context;
    }
    /** The page on which people watch the run. */
    get url() {
        return `${this.#context.baseUrls.current}/runs/${encodeURIComponent(this.id)}`;
    }
    /** Watches the run: an async iterator of its events, and an `EventTarget`. */
    watch(options) {
        return new Watch(this.#context, this.id, options);
    }
    /** The run's state now, or as it was after an event. */
    state(query) {
        return readState(this.#context, this.id, query);
    }
    /** The run's tests; more are asked for while they are iterated over. */
    tests(query) {
        return readTests(this.#context, this.id, query);
    }
    /** The run's events up to the last one now, in pages; with `before` backwards. */
    events(query) {
        return readEvents(this.#context, this.id, query);
    }
    /** The lines of the run that have these words, in any case of their letters. */
    search(words, query) {
        return readHits(this.#context, this.id, words, query);
    }
    /** How much happened when, and the moments that people look for. */
    timeline(query) {
        return readTimeline(this.#context, this.id, query);
    }
    /** How up to 50 tests ended in the last runs of the project, up to this one. */
    history(tests, options) {
        return readHistory(this.#context, this.id, tests, options);
    }
    /** What has changed since another run, by default the last one of the same project and branch. */
    compare(options) {
        return readComparison(this.#context, this.id, options);
    }
    /** Gives a command. Throws an `ApiError` with the code of the refusal. */
    command(what, options) {
        return command(this.#context, this.id, what, options);
    }
    /** Takes control of the run, and renews it until the lease is released: `await using lease = await run.control()`. */
    control(options) {
        return control(this.#context, this.id, options);
    }
    /** Posts events to the run, as a producer of its own. */
    publish(options) {
        return new Publisher(this.#context, this.id, options);
    }
    /** The run as one file: `html`, a page; `junit`, JUnit XML; `zip`, its log and all artifacts. */
    async export(format, options = {}) {
        const path = `${runPath(this.id)}/export?format=${format}`;
        return (await call(this.#context, { method: 'GET', path, ...options })).bytes();
    }
    /**
     * Deletes the run, with its artifacts and its history. One that has not ended only with `force`: else an `ApiError`
     * `run_live` is thrown.
     */
    async delete(options = {}) {
        const { force = false, ...rest } = options;
        await call(this.#context, { method: 'DELETE', path: runPath(this.id) + (force ? '?force=1' : ''), ...rest });
    }
    /** Uploads a file as an artifact of the run: a Blob, bytes, or in Node.js the path of a file. */
    upload(file, options) {
        return upload(this.#context, this.id, file, options);
    }
}
