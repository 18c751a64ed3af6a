/** Where a watch stands in the log, and where the connection stands that tells it of the log. No I/O. */
export class Position {
    #asked;
    /** Unknown until the first connection, unless the watch began at a cursor. */
    #place;
    /** Of the current connection. It may be behind `#place` after a change of connections. */
    #link = { epoch: null, seq: 0 };
    #tip = 0;
    /** The epoch in which `#tip` was told. */
    #tipEpoch = null;
    /** `after`: where the watch begins, as in the query. */
    constructor(after) {
        this.#asked = after;
        if (/^(\d+:)?\d+$/.test(after))
            this.#place = parsed(after);
    }
    /** What to pass as `after` to go on. */
    get after() {
        return this.cursor ?? this.#asked;
    }
    get cursor() {
        return this.#place === undefined ? undefined : written(this.#place);
    }
    get seq() {
        return this.#place?.seq;
    }
    /** Seq of the run's last event, as far as it is known. */
    get tip() {
        return this.#tip;
    }
    /** A connection has begun, and is the one whose messages are told from now on. */
    connected(message) {
        const theirs = parsed(message.cursor);
        this.#link = { ...theirs };
        this.#tip = message.tip;
        this.#tipEpoch = message.epoch;
        return this.#adopt(theirs);
    }
    epoch(message) {
        const theirs = parsed(message.cursor);
        this.#link = { ...theirs };
        return this.#adopt(theirs);
    }
    event(seq) {
        const place = this.#place;
        if (place === undefined || seq !== this.#link.seq + 1 || this.#link.epoch !== place.epoch)
            return 'resync';
        this.#link.seq = seq;
        this.#tip = Math.max(this.#tip, seq);
        if (seq <= place.seq)
            return 'known';
        if (seq > place.seq + 1)
            return 'resync';
        place.seq = seq;
        return 'new';
    }
    gap(message) {
        const theirs = parsed(message.cursor);
        this.#link = { ...theirs };
        this.#tip = Math.max(this.#tip, message.to);
        if (this.#place !== undefined && this.#place.seq >= message.to) {
            return theirs.epoch === this.#place.epoch ? 'known' : 'resync';
        }
        this.#place = { epoch: theirs.epoch, seq: theirs.seq };
        return 'new';
    }
    reset(message) {
        const theirs = parsed(message.cursor);
        // It was decided for the connection's place. Where that is not ours, the server has to decide anew.
        if (this.#place?.seq !== this.#link.seq || this.#place.epoch !== this.#link.epoch)
            return 'resync';
        this.#link = { ...theirs };
        if (message.epoch !== this.#tipEpoch)
            this.#tip = theirs.seq;
        this.#tipEpoch = message.epoch;
        this.#place = { ...theirs };
        return 'new';
    }
    #adopt(theirs) {
        const mine = this.#place;
        if (mine === undefined || mine.seq === theirs.seq) {
            this.#place = { ...theirs };
            return 'new';
        }
        // A connection that was opened earlier starts earlier: what it repeats is known, if it is of the same epoch.
        return theirs.seq < mine.seq && theirs.epoch === mine.epoch ? 'known' : 'resync';
    }
}
/** The place that a cursor names: `epoch:seq`, or `seq` while the run has no event. */
export function parsed(cursor) {
    const at = cursor.indexOf(':');
    return { epoch: at < 0 ? null : cursor.slice(0, at), seq: Number(cursor.slice(at + 1)) };
}
export function written({ epoch, seq }) {
    return epoch === null ? String(seq) : `${epoch}:${seq}`;
}
