/** The events that a watch holds for its iterator, with the bytes that they had on the wire. */
export class EventQueue {
    #entries = [];
    #head = 0;
    #bytes = 0;
    get bytes() {
        return this.#bytes;
    }
    get length() {
        return this.#entries.length - this.#head;
    }
    push(value, bytes, seq, cursor) {
        this.#entries.push({ value, bytes, seq, cursor });
        this.#bytes += bytes;
    }
    shift() {
        const entry = this.#entries[this.#head];
        if (entry === undefined)
            return undefined;
        this.#entries[this.#head] = undefined;
        this.#head += 1;
        this.#bytes -= entry.bytes;
        if (this.#head === this.#entries.length || this.#head > 4096) {
            this.#entries.splice(0, this.#head);
            this.#head = 0;
        }
        return entry;
    }
    /** Takes back all entries from a seq on. */
    dropFrom(seq) {
        while (this.length > 0) {
            const last = this.#entries[this.#entries.length - 1];
            if (last === undefined || last.seq < seq)
                return;
            this.#entries.pop();
            this.#bytes -= last.bytes;
        }
    }
    clear() {
        this.#entries = [];
        this.#head = 0;
        this.#bytes = 0;
    }
}
