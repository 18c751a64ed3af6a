import { shortened } from './publish-shorten.js';
/** Bytes of stored events that are kept, to be posted again if the server's store loses its last writes. */
const RECENT_BYTES = 1024 * 1024;
/** Fewest events of a request after refusals. */
const FEWEST = 8;
/** The events of a producer on their way: it makes batches of them, numbers them, and knows what is stored. */
export class Outbox {
    queue;
    limits;
    /** The number of the next event. */
    next = 1;
    /** The run takes nothing but its end. */
    isFull = false;
    #batches = [];
    #window;
    /** A request whose outcome is unknown. */
    #doubt;
    #recent = [];
    #recentBytes = 0;
    #answered = false;
    constructor(queue, limits) {
        this.queue = queue;
        this.limits = limits;
        this.#window = limits.events;
    }
    /** Events that are not settled yet. */
    get pending() {
        return this.#batches.reduce((sum, batch) => sum + batch.events.length, this.queue.length);
    }
    /** The ordinal of the oldest of them. */
    get oldest() {
        return (this.#batches.find((batch) => !batch.isResent)?.events[0] ?? this.queue.first)?.ordinal;
    }
    /** Whether there is enough for a whole request. */
    get hasWholeBatch() {
        return this.#batches.length > 0 || this.queue.length >= this.limits.events || this.queue.bytes >= this.limits.bytes;
    }
    /** The batch that is to be posted next. */
    current() {
        const waiting = this.#batches[0];
        if (waiting !== undefined)
            return waiting;
        const events = this.queue.take(Math.min(this.#window, this.isFull ? 1 : Infinity), this.limits.bytes);
        if (events.length === 0)
            return undefined;
        const batch = { events, skip: this.queue.dropped, isResent: false };
        this.queue.dropped = 0;
        this.#batches.push(batch);
        return batch;
    }
    /** The number of the batch's first event. */
    first(batch) {
        return this.next + batch.skip;
    }
    /** The batch was posted, and may be stored. */
    isDoubtful(batch) {
        this.#doubt ??= { first: this.first(batch), events: [...batch.events] };
    }
    /**
     * The batch is stored. Returns how many events are. Those that the server took for events of an earlier process with
     * the same producer's id stay, under new numbers.
     */
    stored(batch, numbers) {
        const first = this.first(batch);
        const last = first + batch.events.length - 1;
        const high = Math.max(last, numbers.producerSeq ?? last);
        const doubt = this.#doubt;
        const { duplicates } = numbers;
        const isOther = !this.#answered && doubt === undefined && (high > last || duplicates < batch.events.length);
        this.#answered = true;
        this.#doubt = undefined;
        this.next = high + 1;
        this.#window = Math.min(this.limits.events, this.#window * 2);
        if (isOther && duplicates > 0) {
            const taken = batch.events.splice(duplicates);
            batch.skip = 0;
            return this.#settle({ ...batch, events: taken }, first + duplicates);
        }
        this.#batches.shift();
        let stored = this.#settle(batch, first);
        if (high > last && doubt !== undefined && doubt.first + doubt.events.length - 1 === high) {
            // An earlier, larger request was stored after all.
            const taken = new Set(doubt.events);
            for (const later of this.#batches) {
                const isTaken = later.events.filter((event) => taken.has(event));
                later.events = later.events.filter((event) => !taken.has(event));
                stored += this.#settle({ ...later, events: isTaken }, this.next - isTaken.length);
            }
            this.#batches = this.#batches.filter((later) => later.events.length > 0);
        }
        return stored;
    }
    /** The request had too many events or bytes; false if it has but one event. */
    split(batch, by, bodyBytes) {
        const { events } = batch;
        if (events.length < 2)
            return false;
        const half = Math.ceil(events.length / 2);
        if (by === 'events')
            this.limits.events = half;
        else
            this.limits.bytes = Math.max(1024, Math.floor(bodyBytes / 2));
        this.#window = Math.min(this.#window, this.limits.events);
        this.#cut(batch, half);
        return true;
    }
    /** The server refuses one event: the others go without it. */
    refuse(batch, index) {
        const [event] = batch.events.splice(index, 1);
        if (event === undefined)
            return undefined;
        if (!batch.isResent)
            this.queue.settle(event);
        if (batch.events.length === 0)
            this.#drop(batch);
        // Where one is bad there may be more: each costs a request.
        this.#window = Math.max(FEWEST, Math.floor(this.#window / 2));
        if (batch.events.length > this.#window)
            this.#cut(batch, this.#window);
        return event;
    }
    /** An event is too large: a shorter one takes its place. False if it has been shortened as far as possible. */
    shorten(batch, index, reason) {
        const event = batch.events[index];
        if (event === undefined)
            return false;
        const text = shortened(event.text, Math.floor(event.text.length / 2), reason);
        if (text.length >= event.text.length)
            return false;
        this.queue.resize(event, text);
        return true;
    }
    /** The server knows of numbers up to `expected` alone: what is still here is posted again, the rest is lost. */
    rewind(batch, expected) {
        const known = this.#recent.filter(({ number }) => number >= expected && number < this.next);
        const first = known[0]?.number ?? this.first(batch);
        if (known.length > 0) {
            const events = known.map(({ event }) => event);
            this.#batches.unshift({ events, skip: first - expected, isResent: true });
            this.#doubt = undefined;
        }
        else {
            batch.skip = first - expected;
        }
        this.#recent = [];
        this.#recentBytes = 0;
        this.next = expected;
    }
    /** The run is full: all but its end is given up. Returns how many events that were. */
    giveUpDetail() {
        this.isFull = true;
        this.limits.events = 1;
        this.#window = 1;
        const events = this.#takeAll();
        const ends = events.filter((event) => event.isEnd);
        for (const event of events)
            if (!event.isEnd)
                this.queue.settle(event);
        this.#batches = ends.map((event) => ({ events: [event], skip: 0, isResent: false }));
        return events.length - ends.length;
    }
    /** Gives up everything. Returns how many events that were. */
    giveUp() {
        const events = this.#takeAll();
        for (const event of events)
            this.queue.settle(event);
        return events.length;
    }
    /** What is left, as parts of numbered events, for a file. It stays. */
    *rest() {
        let next = this.next;
        for (let batch = this.#batches[0] ?? this.current(), index = 0; batch; batch = this.#batches[index]) {
            yield { first: next + batch.skip, events: batch.events };
            next += batch.skip + batch.events.length;
            index += 1;
            if (index === this.#batches.length) {
                const events = this.queue.take(this.limits.events, this.limits.bytes);
                if (events.length > 0)
                    this.#batches.push({ events, skip: this.queue.dropped, isResent: false });
                this.queue.dropped = 0;
            }
        }
    }
    #takeAll() {
        const all = this.#batches.filter((batch) => !batch.isResent).flatMap((batch) => batch.events);
        this.#batches = [];
        this.#doubt = undefined;
        for (let more = this.queue.take(1000, Infinity); more.length > 0; more = this.queue.take(1000, Infinity)) {
            all.push(...more);
        }
        return all;
    }
    /** Cuts a batch into two. */
    #cut(batch, at) {
        const rest = { events: batch.events.splice(at), skip: 0, isResent: batch.isResent };
        this.#batches.splice(this.#batches.indexOf(batch) + 1, 0, rest);
    }
    /** Takes an empty batch away; what it skipped is skipped by the next one. */
    #drop(batch) {
        this.#batches = this.#batches.filter((other) => other !== batch);
        const [next] = this.#batches;
        if (next !== undefined)
            next.skip += batch.skip;
        else
            this.queue.dropped += batch.skip;
    }
    #settle(batch, first) {
        batch.events.forEach((event, index) => {
            if (!batch.isResent)
                this.queue.settle(event);
            this.#recent.push({ number: first + index, event });
            this.#recentBytes += event.bytes;
        });
        let old = 0;
        while (this.#recentBytes > RECENT_BYTES)
            this.#recentBytes -= this.#recent[old++]?.event.bytes ?? 0;
        if (old > 0)
            this.#recent = this.#recent.slice(old);
        return batch.isResent ? 0 : batch.events.length;
    }
}
