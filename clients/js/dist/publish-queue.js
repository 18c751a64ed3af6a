/** Bytes that an event costs in memory besides its text. */
const OVERHEAD = 128;
/** Types of events that belong to a variant of the run. */
const OF_VARIANT = new Set(['test_plan', 'test_status', 'test_step', 'log']);
const ENDS = new Set(['passed', 'failed', 'cancelled', 'timedout', 'interrupted', 'lost']);
/** An event as it waits. Throws what `JSON.stringify` throws. */
export function queued(event, ordinal) {
    const stamped = event.timestamp === undefined ? { ...event, timestamp: new Date().toISOString() } : event;
    const text = JSON.stringify(stamped);
    if (text === undefined || text[0] !== '{')
        throw new TypeError('an event is an object with a `type`');
    const { type } = event;
    const joins = type === 'worker' && event['state'] === 'joined';
    const error = type === 'test_step' && member(event, 'step', 'error') != null;
    const entry = {
        text,
        bytes: utf8Length(text),
        kind: type === 'test_step' && !error ? 'step' : type === 'log' ? 'log' : 'kept',
        type: String(type),
        takesVariant: event['variant'] == null && (OF_VARIANT.has(type) || joins),
        closesBatch: joins,
        isEnd: type === 'run_status' && ENDS.has(String(event['status'])),
        ordinal,
    };
    if (entry.kind === 'step')
        entry.attempt = attemptOf(event, member(event, 'step', 'attempt'));
    return entry;
}
/** The attempt at a test that an event says has passed. */
export function passedAttempt(event) {
    const passed = event.type === 'test_status' && event['status'] === 'passed';
    return passed ? attemptOf(event, member(event, 'data', 'attempt')) : undefined;
}
function attemptOf(event, attempt) {
    return `${String(event['testId'])}\n${String(attempt ?? 0)}`;
}
function member(event, outer, inner) {
    const object = event[outer];
    return typeof object === 'object' && object !== null ? object[inner] : undefined;
}
/** The bytes of a text in UTF-8. */
export function utf8Length(text) {
    let bytes = text.length;
    for (let at = 0; at < text.length; at += 1) {
        const unit = text.charCodeAt(at);
        // A surrogate is half of four bytes; JSON has no lone ones.
        if (unit > 0x7f)
            bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
    }
    return bytes;
}
/** Events that wait, in order and within bounds. */
export class EventQueue {
    limit;
    /** Bytes of all that wait, and of what was taken and is not settled. */
    bytes = 0;
    /** Events that went because the queue was full, since they were last told. */
    dropped = 0;
    droppedInAll = 0;
    #events = [];
    #head = 0;
    #detailBytes = 0;
    #passed = new Set();
    constructor(limit) {
        this.limit = limit;
    }
    get length() {
        return this.#events.length - this.#head;
    }
    /** The event that has waited longest. */
    get first() {
        return this.#events[this.#head];
    }
    /** Whether an event of so many bytes would be too much. */
    isFull(bytes, limit = this.limit) {
        return this.bytes + bytes + OVERHEAD > limit;
    }
    /** An event goes, because there is no room. */
    drop() {
        this.dropped += 1;
        this.droppedInAll += 1;
    }
    /** Adds an event, and lets detail go for it if the queue is full; false if even so it does not fit. */
    pushOver(event) {
        if (this.isFull(event.bytes)) {
            const target = this.limit - this.limit / 4;
            const rest = this.bytes - this.#detailBytes;
            if (event.kind !== 'kept' && rest > target) {
                this.drop();
                return true;
            }
            if (this.#detailBytes > 0)
                this.#dropDetail(target - event.bytes);
        }
        return this.push(event);
    }
    /** Adds an event, up to twice the limit; false if it does not fit. */
    push(event) {
        if (this.isFull(event.bytes, 2 * this.limit))
            return false;
        this.#events.push(event);
        this.bytes += event.bytes + OVERHEAD;
        if (event.kind !== 'kept')
            this.#detailBytes += event.bytes + OVERHEAD;
        return true;
    }
    /** The steps of this attempt go first. */
    passed(attempt) {
        this.#passed.add(attempt);
    }
    /** Takes events from the front, at least one if there is any; they count until they are settled. */
    take(maxEvents, maxBytes) {
        const taken = [];
        let bytes = 0;
        for (let event = this.first; event !== undefined && taken.length < maxEvents; event = this.first) {
            bytes += event.bytes + 1;
            if (taken.length > 0 && bytes > maxBytes)
                break;
            taken.push(event);
            this.#head += 1;
            if (event.kind !== 'kept')
                this.#detailBytes -= event.bytes + OVERHEAD;
            if (event.closesBatch)
                break;
        }
        if (this.#head === this.#events.length) {
            this.#events = [];
            this.#head = 0;
            this.#passed.clear();
        }
        else if (this.#head > 1024 && this.#head > this.#events.length / 2) {
            this.#events = this.#events.slice(this.#head);
            this.#head = 0;
        }
        return taken;
    }
    /** An event that was taken is stored, or refused. */
    settle(event) {
        this.bytes -= event.bytes + OVERHEAD;
    }
    /** An event that was taken has another text. */
    resize(event, text) {
        this.bytes -= event.bytes;
        event.text = text;
        event.bytes = utf8Length(text);
        this.bytes += event.bytes;
    }
    /** Lets detail go until `target` bytes are left: steps of passed tests, log, other steps; the oldest first. */
    #dropDetail(target) {
        const isPassed = (event) => event.attempt !== undefined && this.#passed.has(event.attempt);
        const isKind = (kind) => (event) => event.kind === kind;
        const orders = [isPassed, isKind('log'), isKind('step')];
        let events = this.#events.slice(this.#head);
        for (const goes of orders) {
            if (this.bytes <= target)
                break;
            events = events.filter((event) => {
                if (this.bytes <= target || event.kind === 'kept' || !goes(event))
                    return true;
                this.bytes -= event.bytes + OVERHEAD;
                this.#detailBytes -= event.bytes + OVERHEAD;
                this.drop();
                return false;
            });
        }
        this.#events = events;
        this.#head = 0;
    }
}
