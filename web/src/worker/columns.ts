/** What is kept of every event that was seen: its type, its test, its time. 14 bytes each. */

/** Events of a chunk. */
const CHUNK = 16_384;
/** Types that are told apart; producers may have as many as they like. */
const MAX_TYPES = 65_535;

interface Chunk {
  types: Uint16Array;
  tests: Uint32Array;
  times: Float64Array;
}

/** Columns of consecutive events. */
export class Columns {
  #chunks: Chunk[] = [];
  #length = 0;
  /** Of the first event. */
  #first = 0;
  readonly #types = new Names(MAX_TYPES);
  readonly #tests = new Names(0xffff_ffff);

  get length(): number {
    return this.#length;
  }

  /** Seq of the first event; 0: there is none. */
  get first(): number {
    return this.#length === 0 ? 0 : this.#first;
  }

  /** Seq of the last event; 0: there is none. */
  get last(): number {
    return this.#length === 0 ? 0 : this.#first + this.#length - 1;
  }

  /** Bytes of the columns. */
  get bytes(): number {
    return this.#chunks.length * CHUNK * 14;
  }

  /** Adds an event. One that does not follow the last one begins anew. */
  push(seq: number, type: string, test: string | null, time: number): void {
    if (this.#length > 0 && seq !== this.last + 1) this.clear();
    if (this.#length === 0) this.#first = seq;
    const at = this.#length % CHUNK;
    if (at === 0) {
      this.#chunks.push({
        types: new Uint16Array(CHUNK),
        tests: new Uint32Array(CHUNK),
        times: new Float64Array(CHUNK),
      });
    }
    const chunk = this.#chunks.at(-1) as Chunk;
    chunk.types[at] = this.#types.number(type);
    chunk.tests[at] = test === null ? 0 : this.#tests.number(test);
    chunk.times[at] = time;
    this.#length += 1;
  }

  /** Forgets the events from `seq` on. */
  dropFrom(seq: number): void {
    if (this.#length === 0 || seq > this.last) return;
    this.#length = Math.max(0, seq - this.#first);
    this.#chunks.length = Math.ceil(this.#length / CHUNK);
  }

  clear(): void {
    this.#chunks = [];
    this.#length = 0;
  }

  type(seq: number): string | null {
    const place = this.#place(seq);
    return place === null ? null : this.#types.name(place.chunk.types[place.at] as number);
  }

  test(seq: number): string | null {
    const place = this.#place(seq);
    return place === null ? null : this.#tests.name(place.chunk.tests[place.at] as number);
  }

  time(seq: number): number | null {
    const place = this.#place(seq);
    return place === null ? null : (place.chunk.times[place.at] as number);
  }

  /** The last event that had happened at a time; null: it was before these. Times never go back from one to the next. */
  seqAt(time: number): number | null {
    let [low, high] = [this.first, this.last + 1];
    if (this.#length === 0 || (this.time(low) as number) > time) return null;
    while (low + 1 < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.time(middle) as number) <= time) low = middle;
      else high = middle;
    }
    return low;
  }

  #place(seq: number): { chunk: Chunk; at: number } | null {
    const index = seq - this.#first;
    if (index < 0 || index >= this.#length) return null;
    return { chunk: this.#chunks[Math.floor(index / CHUNK)] as Chunk, at: index % CHUNK };
  }
}

/** Names as numbers from 1 on; 0 is none. When there are too many, the others have none. */
class Names {
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];

  constructor(private readonly most: number) {}

  number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#names.length >= this.most) return 0;
    this.#names.push(name);
    this.#numbers.set(name, this.#names.length);
    return this.#names.length;
  }

  name(number: number): string | null {
    return this.#names[number - 1] ?? null;
  }
}
