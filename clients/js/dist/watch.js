import { EventQueue } from './event-queue.js';
import { Follower } from './follower.js';
/** Bytes of events, as they were on the wire, that an iterator may hold: 4 MiB less what one read may bring beyond. */
const HELD_BYTES = 4 * 1024 * 1024 - 512 * 1024;
/**
 * Watches a run: iterate over it, or listen to it, or both. Each event comes once and in order, over any number of
 * connections and nodes. It begins with the first iterator or listener; an iterator that is made in the same turn as the
 * watch misses nothing. Iteration ends when the run is sealed, or the watch is closed; it throws if the server refuses
 * the watch for good. An iterator that is not read holds at most 4 MiB, and the server waits.
 */
export class Watch extends EventTarget {
    #options;
    #types;
    #start;
    #listened = new Set();
    #queue = new EventQueue();
    #screen;
    #follower;
    #iterated = false;
    #status = 'connecting';
    #cursor;
    #seq = 0;
    #error;
    /** Those that wait for an event, or the end. */
    #waiting = [];
    /** Made by `run.watch()`. */
    constructor(context, runId, options = {}) {
        super();
        this.#options = options;
        this.#types = options.types === undefined ? undefined : new Set(options.types);
        this.#screen = options;
        screenQuery(options); // a wrong choice is told here
        const after = String(options.after ?? '');
        this.#cursor = after;
        this.#start = (sink, screen) => new Follower(context, runId, after, screen, sink);
        if (options.signal?.aborted === true)
            this.close();
        else
            options.signal?.addEventListener('abort', this.#aborted, { once: true });
    }
    /** Behind the last event that was handed out: pass it as `after` to go on, in another process for instance. */
    get cursor() {
        return this.#cursor;
    }
    get status() {
        return this.#status;
    }
    /** Events of the run that have not been handed out yet. */
    get behind() {
        return Math.max(0, (this.#follower?.position.tip ?? 0) - this.#seq);
    }
    /** Why the watch was closed for good. */
    get error() {
        return this.#error;
    }
    /** Chooses other screens from now on. */
    look(screen) {
        const query = screenQuery(screen);
        this.#screen = screen;
        const { screen: of, ...numbers } = query;
        const asNumbers = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)]));
        this.#follower?.send({ type: 'screen', of, ...asNumbers });
    }
    /** Tries to connect now, if it waits for that; asks an open connection whether it is alive. */
    retry() {
        this.#follower?.wake();
    }
    /** Ends the watch. Iterators end, without what they had not been handed out yet. */
    close() {
        this.#options.signal?.removeEventListener('abort', this.#aborted);
        this.#follower?.close();
        this.#queue.clear();
        this.#finish();
    }
    [Symbol.dispose]() {
        this.close();
    }
    /** The iterator; there is one only. Leaving it, by `break` for instance, closes the watch. */
    [Symbol.asyncIterator]() {
        this.#iterated = true;
        this.#begin();
        return {
            next: () => this.#next(),
            return: () => {
                this.close();
                return Promise.resolve({ done: true, value: undefined });
            },
        };
    }
    addEventListener(type, listener, options) {
        super.addEventListener(type, listener, options);
        this.#listened.add(type);
        this.#begin();
    }
    removeEventListener(type, listener, options) {
        super.removeEventListener(type, listener, options);
    }
    #aborted = () => this.close();
    /** Connects, in the next turn: iterators and listeners that are made in this one miss nothing. */
    #begin() {
        if (this.#follower !== undefined || this.#status === 'closed')
            return;
        this.#follower = this.#start({
            event: (event, bytes, cursor) => this.#take(event, bytes, cursor),
            gap: (message) => this.#gap(message),
            reset: (message) => this.#reset(message),
            frame: (frame) => this.#tell('frame', frame),
            connected: ({ timestamp, tip, epoch, nodeId }) => this.#tell('connected', { tip, epoch, nodeId, ...(timestamp !== undefined && { timestamp }) }),
            status: (status, why) => {
                if (status === this.#status && why.retryInMs === undefined)
                    return;
                this.#status = status;
                this.#tell('status', { status, ...why });
            },
            ended: (error) => {
                this.#options.signal?.removeEventListener('abort', this.#aborted);
                this.#error = error;
                this.#finish();
            },
            full: () => this.#iterated && this.#queue.bytes >= HELD_BYTES,
        }, () => screenQuery(this.#screen));
    }
    async #next() {
        for (;;) {
            const entry = this.#queue.shift();
            if (entry !== undefined) {
                this.#cursor = entry.cursor;
                this.#seq = entry.seq;
                if (this.#queue.bytes < HELD_BYTES / 2)
                    this.#follower?.drained();
                return { done: false, value: entry.value };
            }
            this.#follower?.drained();
            this.#passed();
            if (this.#status === 'closed') {
                const error = this.#error;
                if (error === undefined)
                    return { done: true, value: undefined };
                this.#error = undefined; // it is thrown once
                throw error;
            }
            await new Promise((resolve) => this.#waiting.push(resolve));
        }
    }
    #take(event, bytes, cursor) {
        if (!this.#wants(event))
            return this.#passed();
        if (!this.#iterated)
            this.#passed();
        this.#tell('event', event);
        if (!this.#iterated)
            return;
        this.#queue.push(event, bytes, event.seq, cursor);
        this.#waiting.shift()?.();
    }
    #wants(event) {
        const { test } = this.#options;
        if (this.#types !== undefined && !this.#types.has(event.type))
            return false;
        return test === undefined || event['testId'] === test || event['test'] === test;
    }
    /** What has come so far has been handed out, or is not wanted. */
    #passed() {
        const position = this.#follower?.position;
        if (this.#queue.length > 0 || position?.seq === undefined)
            return;
        this.#seq = position.seq;
        this.#cursor = position.cursor ?? this.#cursor;
    }
    #gap({ from, to, reason }) {
        this.#passed();
        this.#tell('gap', { from, to, reason });
    }
    #reset({ from, epoch }) {
        this.#queue.dropFrom(from);
        this.#passed();
        this.#tell('reset', { from, epoch });
    }
    #tell(type, detail) {
        if (this.#listened.has(type))
            this.dispatchEvent(new CustomEvent(type, { detail }));
    }
    #finish() {
        if (this.#status === 'closed')
            return;
        this.#status = 'closed';
        const detail = this.#error === undefined ? { status: 'closed' } : { status: 'closed', error: this.#error };
        this.#tell('status', detail);
        for (const wake of this.#waiting.splice(0))
            wake();
    }
}
/** The query that says which screens are wanted. Throws a `TypeError`. */
function screenQuery({ screen = false, maxFps, maxWidth }) {
    const query = { screen: screen === false ? 'off' : screen };
    if (screen !== false && !/^[A-Za-z0-9._:/-]{1,200}$/.test(screen))
        throw new TypeError(`\`screen\` is no stream's name: ${screen}`);
    for (const [name, value, most] of [['maxFps', maxFps, 30], ['maxWidth', maxWidth, 8192]]) {
        if (value === undefined)
            continue;
        if (!Number.isInteger(value) || value < 1 || value > most)
            throw new TypeError(`\`${name}\` must be 1 to ${most}`);
        query[name] = String(value);
    }
    return query;
}
