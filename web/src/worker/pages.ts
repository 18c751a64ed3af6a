/** Raw events as bytes, in pages: what was used last is kept, up to a number of bytes. */
import type { RunEvent } from './read.js';

/** Events of a page. */
export const PAGE = 1_000;

/** Bytes of a page beyond which its long texts are cut. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
/** Characters of a text that are kept then: more than the fold keeps of any. */
const MAX_TEXT = 4_096;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Events one after the other, each as JSON in UTF-8. */
export class Lines {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #used = 0;
  /** Where each event ends. */
  #ends: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #count = 0;

  /** Those of an answer: one event a line. */
  static of(bytes: Uint8Array<ArrayBuffer>): Lines {
    const ends: number[] = [];
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) ends.push(at + 1);
    if (bytes.length > (ends.at(-1) ?? 0)) ends.push(bytes.length);
    const lines = new Lines();
    lines.#bytes = bytes;
    lines.#used = bytes.length;
    lines.#ends = Uint32Array.from(ends);
    lines.#count = ends.length;
    return lines;
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes that it takes. */
  get bytes(): number {
    return this.#bytes.length + this.#ends.length * 4;
  }

  /** The event at a place, from 0. */
  at(index: number): RunEvent | null {
    if (index < 0 || index >= this.#count) return null;
    const from = index === 0 ? 0 : (this.#ends[index - 1] as number);
    return JSON.parse(DECODER.decode(this.#bytes.subarray(from, this.#ends[index]))) as RunEvent;
  }

  *[Symbol.iterator](): Iterator<RunEvent> {
    for (let at = 0; at < this.#count; at += 1) yield this.at(at) as RunEvent;
  }

  push(event: RunEvent): void {
    const text = JSON.stringify(event, this.#used > MAX_PAGE_BYTES ? shorter : undefined);
    this.#reserve(text.length * 3);
    this.#used += ENCODER.encodeInto(text, this.#bytes.subarray(this.#used)).written;
    this.#ends[this.#count] = this.#used;
    this.#count += 1;
  }

  /** Adds those of others. */
  append(others: Lines): void {
    for (const event of others) this.push(event);
  }

  /** Gives back what it does not need. */
  trim(): void {
    this.#bytes = this.#bytes.slice(0, this.#used);
    this.#ends = this.#ends.slice(0, this.#count);
  }

  /** Keeps the first so many. */
  cut(count: number): void {
    if (count >= this.#count) return;
    this.#count = Math.max(0, count);
    this.#used = this.#count === 0 ? 0 : (this.#ends[this.#count - 1] as number);
  }

  #reserve(bytes: number): void {
    if (this.#count >= this.#ends.length) {
      const ends = new Uint32Array(Math.max(256, this.#ends.length * 2));
      ends.set(this.#ends);
      this.#ends = ends;
    }
    if (this.#used + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(16_384, Math.ceil((this.#used + bytes) * 1.5)));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }
}

function shorter(_: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
}

/** Consecutive events. */
export class Page {
  /** `first`: seq of the first event. */
  constructor(
    readonly first: number,
    readonly lines = new Lines(),
  ) {}

  /** Seq of the last event; `first - 1`: there is none. */
  get last(): number {
    return this.first + this.lines.count - 1;
  }

  get isWhole(): boolean {
    return this.lines.count >= PAGE;
  }

  event(seq: number): RunEvent | null {
    return this.lines.at(seq - this.first);
  }
}

/** Pages by number: page `n` has the events from `n * 1,000 + 1` on. What was used least recently goes first. */
export class Pages {
  readonly #kept = new Map<number, Page>();
  #bytes = 0;

  constructor(private readonly maxBytes: number) {}

  get bytes(): number {
    return this.#bytes;
  }

  /** The number of the page that an event is in. */
  static number(seq: number): number {
    return Math.floor((seq - 1) / PAGE);
  }

  /** Seq of the first event of a page. */
  static first(number: number): number {
    return number * PAGE + 1;
  }

  get(number: number): Page | undefined {
    const page = this.#kept.get(number);
    if (page === undefined) return undefined;
    this.#kept.delete(number);
    this.#kept.set(number, page);
    return page;
  }

  set(number: number, page: Page): void {
    this.#bytes -= this.#kept.get(number)?.lines.bytes ?? 0;
    this.#kept.delete(number);
    this.#kept.set(number, page);
    this.#bytes += page.lines.bytes;
    this.#bound(number);
  }

  /** Adds an event, if it follows those of its page. */
  push(event: RunEvent): void {
    const number = Pages.number(event.seq);
    let page = this.#kept.get(number);
    if (page === undefined) {
      if (event.seq !== Pages.first(number)) return;
      page = new Page(event.seq);
      this.#kept.set(number, page);
    } else if (page.last + 1 !== event.seq) {
      return;
    }
    const before = page.lines.bytes;
    page.lines.push(event);
    if (page.isWhole) page.lines.trim();
    const { bytes } = page.lines;
    this.#bytes += bytes - before;
    if (bytes !== before) this.#bound(number);
  }

  /** Forgets the events from `seq` on. */
  dropFrom(seq: number): void {
    for (const [number, page] of this.#kept) {
      if (page.last < seq) continue;
      if (page.first >= seq) {
        this.#kept.delete(number);
        this.#bytes -= page.lines.bytes;
      } else {
        page.lines.cut(seq - page.first);
      }
    }
  }

  /** Those that are kept, the last one first. */
  newest(): Page[] {
    return [...this.#kept].sort(([one], [other]) => other - one).map(([, page]) => page);
  }

  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
  }

  #bound(spared: number): void {
    for (const [oldest, { lines }] of this.#kept) {
      if (this.#bytes <= this.maxBytes) return;
      if (oldest === spared) continue;
      this.#kept.delete(oldest);
      this.#bytes -= lines.bytes;
    }
  }
}
