import { Backoff } from './backoff.js';
import { runPath } from './context.js';
import { ApiError } from './errors.js';
import { quietSleep, setQuietTimeout } from './publish-exit.js';
import { ForeignAnswer, postEvents, remedy } from './publish-post.js';
/** Longest pause between two attempts while somebody waits, in milliseconds, besides what the server asks for. */
const AWAITED_PAUSE_MS = 1_000;
/** Posts what is in an outbox, one request at a time, until it is stored or refused. */
export class Sender {
    context;
    runId;
    producer;
    options;
    outbox;
    port;
    state = 'live';
    count = { stored: 0, duplicates: 0, refused: 0, shortened: 0, requests: 0, retries: 0 };
    /** The last failure, until a request succeeds. */
    lastError;
    hints;
    #closing = new AbortController();
    #backoff = new Backoff();
    #viewers = null;
    #gzipOver;
    #timer;
    #isPosting = false;
    #isUrgent = false;
    #isAway = false;
    /** Ends the pause between two attempts. */
    #pausing;
    constructor(context, runId, producer, options, outbox, port) {
        this.context = context;
        this.runId = runId;
        this.producer = producer;
        this.options = options;
        this.outbox = outbox;
        this.port = port;
        this.#gzipOver = options.gzipOver ?? 1024;
    }
    /** Aborts when the publisher is closed. */
    get signal() {
        return this.#closing.signal;
    }
    /** Nothing but time can help: the server refuses who sends, or it is none of runcast's. */
    get isHopeless() {
        const error = this.lastError;
        return error instanceof ForeignAnswer || (error instanceof ApiError && error.status < 500 && !error.passing);
    }
    /** Posts when it is time to: soon, or at once. */
    schedule(isUrgent = false) {
        this.#isUrgent ||= isUrgent;
        if (this.#isPosting || this.state === 'closed' || this.outbox.oldest === undefined)
            return;
        if (this.#isUrgent || this.port.isAwaited() || this.outbox.hasWholeBatch) {
            clearTimeout(this.#timer);
            this.#timer = undefined;
            this.#isPosting = true;
            // Behind the caller's own work, so that what it emits with this event goes with it.
            queueMicrotask(() => void this.#post());
        }
        else {
            this.#timer ??= setQuietTimeout(() => {
                this.#timer = undefined;
                this.schedule(true);
            }, this.#flushMs());
        }
    }
    /** Tries again at once if it waits between two attempts. */
    hurry() {
        if (this.#pausing !== undefined || !this.#isPosting)
            this.lastError = undefined;
        this.#pausing?.abort();
        this.schedule();
    }
    /** The server's hints have changed. */
    hinted(hints) {
        this.hints = hints;
        if (this.#timer === undefined)
            return;
        clearTimeout(this.#timer);
        this.#timer = undefined;
        this.schedule();
    }
    /** Posts no more; a request that is on its way is cut off. */
    close() {
        if (this.state !== 'ended')
            this.state = 'closed';
        clearTimeout(this.#timer);
        this.#closing.abort(new Error('the publisher is closed'));
        this.#pausing?.abort();
    }
    /** An event as it is posted. */
    line(event) {
        const variant = event.closesBatch ? this.options.variant : (this.hints?.variant ?? this.options.variant);
        if (!event.takesVariant || variant === undefined)
            return event.text;
        return `${event.text.slice(0, -1)},"variant":${JSON.stringify(variant)}}`;
    }
    #flushMs() {
        const { flushMs = 250, idleFlushMs = 2_000 } = this.options;
        const own = this.#viewers === 0 ? idleFlushMs : flushMs;
        return Math.min(60_000, Math.max(10, this.hints?.flushMs ?? own));
    }
    /** Posts batches until it is time to wait. */
    async #post() {
        while (this.state === 'live' || this.state === 'full') {
            const batch = this.outbox.current();
            if (this.outbox.queue.length === 0)
                this.#isUrgent = false;
            if (batch === undefined)
                break;
            const pause = await this.#attempt(batch);
            this.port.settled();
            if (pause !== undefined) {
                this.#pausing = new AbortController();
                if (!this.#closing.signal.aborted)
                    await quietSleep(pause, this.#pausing.signal);
                this.#pausing = undefined;
            }
            else if (!this.#isUrgent && !this.port.isAwaited() && !this.outbox.hasWholeBatch)
                break;
        }
        this.#isPosting = false;
        this.schedule();
    }
    /** Posts a batch once. Returns how many milliseconds to wait before the next attempt, if it did not get through. */
    async #attempt(batch) {
        const lines = batch.events.map((event) => this.line(event));
        this.count.requests += 1;
        try {
            const answer = await postEvents(this.context, {
                path: `${runPath(this.runId)}/events`,
                lines,
                producer: this.producer,
                seq: this.outbox.first(batch),
                skips: batch.skip > 0,
                commandsAfter: this.port.commandsAfter(),
                gzipOver: this.#gzipOver,
                signal: this.#closing.signal,
            });
            this.count.stored += this.outbox.stored(batch, answer);
            this.count.duplicates += answer.duplicates;
            this.#viewers = answer.viewers ?? null;
            this.lastError = undefined;
            this.#isAway = false;
            this.#backoff.reset();
            this.port.answered(answer);
            return undefined;
        }
        catch (error) {
            return this.#failed(batch, lines, error);
        }
    }
    #failed(batch, lines, error) {
        const found = error instanceof ApiError ? remedy(error, lines) : { do: 'again' };
        const detail = error instanceof ApiError ? `${error.code}: ${error.detail}` : error.message;
        switch (found.do) {
            case 'refuse':
                this.count.refused += 1;
                this.port.refused(this.outbox.refuse(batch, found.index), error);
                return undefined;
            case 'shorten': {
                const event = batch.events[found.index];
                if (this.outbox.shorten(batch, found.index, detail)) {
                    this.count.shortened += 1;
                    const message = `an event of type ${event?.type} was too large, and is posted shorter: ${detail}`;
                    this.port.problem('event-shortened', message, error);
                }
                else {
                    this.count.refused += 1;
                    this.port.refused(this.outbox.refuse(batch, found.index), error);
                }
                return undefined;
            }
            case 'split':
                this.outbox.split(batch, found.by, found.bodyBytes);
                return undefined;
            case 'rewind':
                this.outbox.rewind(batch, found.expected);
                return this.#backoff.next();
            case 'plain':
                if (this.#gzipOver === Infinity)
                    break;
                this.#gzipOver = Infinity;
                return undefined;
            case 'full':
                if (this.state === 'full')
                    this.#end(error);
                else
                    this.#full(error);
                return undefined;
            case 'end':
                this.#end(error);
                return undefined;
        }
        if (this.#closing.signal.aborted)
            return 0;
        // It may be stored; and if not, it may be the next time.
        this.outbox.isDoubtful(batch);
        this.count.retries += 1;
        if (!this.#isAway)
            this.port.problem('unreachable', `events wait: ${detail}`, error);
        this.#isAway = true;
        this.lastError = error;
        const atLeastMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
        const pause = this.#backoff.next(atLeastMs);
        return this.port.isAwaited() ? Math.min(pause, atLeastMs + AWAITED_PAUSE_MS) : pause;
    }
    #full(error) {
        this.state = 'full';
        this.count.refused += this.outbox.giveUpDetail();
        this.port.problem('ended', `the run is full, and takes nothing but its end: ${error.message}`, error);
    }
    #end(error) {
        this.state = 'ended';
        this.lastError = error;
        this.count.refused += this.outbox.giveUp();
        this.port.problem('ended', `the run takes no more events: ${error.message}`, error);
        this.port.ended(error);
    }
}
