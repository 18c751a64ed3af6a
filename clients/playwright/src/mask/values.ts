import { base64, encodings } from './encodings.js';
import type { Range } from './escapes.js';
import { isCommon } from './names.js';

/** Shorter values are not looked for. */
export const SHORTEST = 4;
/** Longer values are looked for in pieces of so many characters. */
export const LONGEST = 1_024;
/** What is looked for of one value, in characters. */
const MOST_OF_A_VALUE = 16_384;
/** Values that are learned from steps; the newest stay. */
const MOST_VALUES = 1_000;
/** Characters of all learned values; the newest stay. */
const MOST_CHARS = 1_048_576;
/** A line of a value is looked for by itself from so many characters on. */
const SHORTEST_LINE = 8;
/** A short word or number is a secret only if it stands alone: `pass` is none in `passed`. */
const WORD = /^(?:\p{L}{4,7}|\p{N}{4,7})$/u;
const LETTER = /[\p{L}\p{N}_]/u;

/** Texts that are looked for and begin with the same characters, or with others of the same hash. */
interface Bucket {
  /** The lengths that there are, the longest first. */
  lengths: number[];
  /** Whether a text must stand alone. */
  forms: Map<string, boolean>;
}

/** Secret values, and where they stand in a text. */
export class Values {
  /** Counts up whenever other values are looked for. */
  changes = 0;
  /** Those that are looked for, in the order in which they were last seen. */
  readonly #learned = new Set<string>();
  readonly #fixed = new Set<string>();
  #learnedChars = 0;
  /** What is looked for, by the hash of its first four characters. */
  #buckets = new Map<number, Bucket>();
  /** Which hashes there are: most places of a text are done with after one look. */
  #hashes = new Uint8Array(65_536);
  /** The first one, two and three characters of what is looked for. */
  #starts = new Set<string>();
  #longest = 0;

  get size(): number {
    return this.#fixed.size + this.#learned.size;
  }

  /** Looks for a value from now on. `fixed`: it stays; others go when there are too many. */
  add(value: string, fixed = false): void {
    if (value.length < SHORTEST || this.#fixed.has(value)) return;
    if (fixed) {
      this.#fixed.add(value);
      this.#index(value);
      return;
    }
    if (isCommon(value)) return;
    const isKnown = this.#learned.delete(value);
    this.#learned.add(value);
    if (isKnown) return;
    this.#learnedChars += Math.min(value.length, MOST_OF_A_VALUE);
    if (this.#learned.size > MOST_VALUES || this.#learnedChars > MOST_CHARS) this.#forget();
    else this.#index(value);
  }

  /** Where values stand. Those that overlap are all told. */
  find(text: string): Range[] {
    const found: Range[] = [];
    const last = text.length - SHORTEST;
    if (this.#longest === 0 || last < 0) return found;
    let [one, two, three] = [text.charCodeAt(0), text.charCodeAt(1), text.charCodeAt(2)];
    for (let at = 0; at <= last; at += 1) {
      const four = text.charCodeAt(at + 3);
      const hash = hashed(one, two, three, four);
      if (this.#hashes[hash] === 1) {
        const end = longestAt(this.#buckets.get(hash)!, text, at);
        if (end > at) found.push([at, end]);
      }
      [one, two, three] = [two, three, four];
    }
    return found;
  }

  /** Where a value may begin that goes on behind the text; the text's end if there is none. */
  open(text: string): number {
    for (let at = Math.max(0, text.length - this.#longest); at < text.length; at += 1) {
      const rest = text.length - at;
      if (rest < SHORTEST) {
        if (this.#starts.has(text.slice(at))) return at;
        continue;
      }
      const hash = hashed(
        text.charCodeAt(at),
        text.charCodeAt(at + 1),
        text.charCodeAt(at + 2),
        text.charCodeAt(at + 3),
      );
      if (this.#hashes[hash] === 0) continue;
      if (goesOn(this.#buckets.get(hash)!, text.slice(at))) return at;
    }
    return text.length;
  }

  /** The oldest quarter goes. */
  #forget(): void {
    let most = Math.floor((MOST_VALUES * 3) / 4);
    let chars = 0;
    const newest = [...this.#learned].reverse();
    this.#learned.clear();
    for (const value of newest) {
      chars += Math.min(value.length, MOST_OF_A_VALUE);
      if (most === 0 || chars > (MOST_CHARS * 3) / 4) break;
      most -= 1;
      this.#learned.add(value);
    }
    const kept = [...this.#learned].reverse();
    this.#learned.clear();
    this.#learnedChars = 0;
    [this.#buckets, this.#hashes, this.#starts, this.#longest] = [new Map(), new Uint8Array(65_536), new Set(), 0];
    for (const value of this.#fixed) this.#index(value);
    for (const value of kept) {
      this.#learned.add(value);
      this.#learnedChars += Math.min(value.length, MOST_OF_A_VALUE);
      this.#index(value);
    }
  }

  #index(value: string): void {
    this.changes += 1;
    for (const piece of pieces(value)) {
      const standsAlone = WORD.test(piece);
      for (const text of encodings(piece)) if (text.length >= SHORTEST) this.#insert(text, standsAlone, true);
      // Their first characters are any: they are looked for at the end of a text when four are there.
      for (const text of base64(piece)) this.#insert(text, false, false);
    }
  }

  #insert(text: string, standsAlone: boolean, starts: boolean): void {
    const hash = hashed(text.charCodeAt(0), text.charCodeAt(1), text.charCodeAt(2), text.charCodeAt(3));
    const bucket = this.#buckets.get(hash) ?? { lengths: [], forms: new Map<string, boolean>() };
    this.#buckets.set(hash, bucket);
    bucket.forms.set(text, standsAlone && bucket.forms.get(text) !== false);
    if (!bucket.lengths.includes(text.length)) bucket.lengths.push(text.length);
    bucket.lengths.sort((one, other) => other - one);
    this.#hashes[hash] = 1;
    for (let length = 1; starts && length < SHORTEST; length += 1) this.#starts.add(text.slice(0, length));
    this.#longest = Math.max(this.#longest, text.length);
  }
}

function hashed(one: number, two: number, three: number, four: number): number {
  return (one + two * 31 + three * 961 + four * 29_791) & 0xffff;
}

/** A value of several lines also line by line: output may indent them. */
function* pieces(value: string): Iterable<string> {
  const most = value.slice(0, MOST_OF_A_VALUE);
  for (let from = 0; from < most.length; from += LONGEST) {
    const piece = most.slice(from, from + LONGEST);
    if (from === 0 || piece.length >= SHORTEST) yield piece;
  }
  if (!most.includes('\n')) return;
  for (const line of most.split(/\r?\n/)) {
    const text = line.trim();
    if (text.length >= SHORTEST_LINE && text.length <= LONGEST && !isCommon(text)) yield text;
  }
}

/** Where the longest text of a bucket ends that begins at a place; that place if none does. */
function longestAt({ lengths, forms }: Bucket, text: string, at: number): number {
  for (const length of lengths) {
    const end = at + length;
    const standsAlone = end <= text.length ? forms.get(text.slice(at, end)) : undefined;
    if (standsAlone === undefined || (standsAlone && (LETTER.test(text.charAt(end)) || !isFree(text, at)))) continue;
    return end;
  }
  return at;
}

/** Whether a text of a bucket begins so, and is longer; or may end here, if no word goes on. */
function goesOn({ forms }: Bucket, tail: string): boolean {
  for (const [form, standsAlone] of forms) {
    if (form.length > tail.length ? form.startsWith(tail) : standsAlone && form === tail) return true;
  }
  return false;
}

/** Whether no word ends before a place. What a code ends in is none: `%3D1234`, `\n1234`. */
function isFree(text: string, at: number): boolean {
  if (!LETTER.test(text.charAt(at - 1))) return true;
  return /%[0-9a-f]{2}$|\\[nrt]$|\\u[0-9a-f]{4}$/i.test(text.slice(Math.max(0, at - 6), at));
}
