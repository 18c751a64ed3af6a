interface Entry<T> {
  value: T;
  bytes: number;
  /** The seq, by which entries are taken back. */
  seq: number;
  cursor: string;
}

/** The events that a watch holds for its iterator, with the bytes that they had on the wire. */
export class EventQueue<T> {
  #entries: (Entry<T> | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  push(value: T, bytes: number, seq: number, cursor: string): void {
    this.#entries.push({ value, bytes, seq, cursor });
    this.#bytes += bytes;
  }

  shift(): { value: T; seq: number; cursor: string } | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
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
  dropFrom(seq: number): void {
    while (this.length > 0) {
      const last = this.#entries[this.#entries.length - 1];
      if (last === undefined || last.seq < seq) return;
      this.#entries.pop();
      this.#bytes -= last.bytes;
    }
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
