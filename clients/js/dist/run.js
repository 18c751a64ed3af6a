import { readEvents, readState, readTests } from './read.js';
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
    /** The run's state now. */
    state(options) {
        return readState(this.#context, this.id, options);
    }
    /** The run's tests; more are asked for while they are iterated over. */
    tests(query) {
        return readTests(this.#context, this.id, query);
    }
    /** The run's events up to the last one now, in pages. */
    events(query) {
        return readEvents(this.#context, this.id, query);
    }
}
