import { merged, openEscape, plain, type Plain, type Range, replaced } from './escapes.js';

/** A line without an end is held back up to so many characters. */
const LONGEST_LINE = 4_096;
/** What is held back for a secret that goes on and on. */
const LONGEST_HELD = 16_384;

/** A text that comes in pieces. */
export interface MaskStream {
  /** Whether something is held back. */
  readonly isHolding: boolean;
  /** Takes a piece; returns what can be shown: whole lines, without what may be the beginning of a secret. */
  write(piece: string): string;
  /** The line that has no end yet. `all`: also what may be the beginning of a secret. */
  flush(all?: boolean): string;
  /** What was held back: the text is over. */
  end(): string;
}

/** What a stream asks for: where secrets stand, and where one may begin that goes on behind the text. */
export interface Finder {
  find(text: string): Range[];
  open(text: string): number;
}

/** Masks a text in pieces. What was shown of a line stays known until its end, so that a secret is found across it. */
export class LineStream implements MaskStream {
  /** The text from the beginning of its last line on, or of what may be a secret. */
  #text = '';
  /** How much of it was shown. */
  #shown = 0;

  constructor(
    private readonly finder: Finder,
    private readonly word: string,
  ) {}

  get isHolding(): boolean {
    return this.#text.length > this.#shown;
  }

  write(piece: string): string {
    this.#text += piece;
    const lines = this.#text.lastIndexOf('\n') + 1;
    const isLong = this.#text.length - lines > LONGEST_LINE;
    if (lines <= this.#shown && !isLong) return '';
    const { safe, masked } = this.#masked();
    const shown = this.#show(isLong ? safe : Math.min(lines, safe), masked);
    // Of a line that is over nothing is needed, and of a long one only what may go on.
    this.#forget(isLong ? safe : Math.min(lines, safe));
    return shown;
  }

  flush(all = false): string {
    if (!this.isHolding) return '';
    const { safe, masked } = this.#masked();
    return this.#show(all ? this.#text.length : safe, masked);
  }

  end(): string {
    const { masked } = this.#masked();
    const shown = this.#show(this.#text.length, masked);
    this.#text = '';
    this.#shown = 0;
    return shown;
  }

  /** What of the text can be shown, and how. */
  #masked() {
    const raw = this.#text;
    const whole = openEscape(raw);
    const bare = plain(raw.slice(0, whole));
    const ranges = merged(this.finder.find(bare.text));
    const open = this.finder.open(bare.text);
    let safe = open < bare.text.length ? placeOf(bare, open) : whole;
    for (const [from, to] of ranges) {
      const [begins, ends] = [placeOf(bare, from), placeOf(bare, to - 1) + 1];
      if (begins < safe && ends > safe) safe = begins;
    }
    if (raw.length - safe > LONGEST_HELD) safe = raw.length;
    return { safe, masked: (from: number, to: number) => replaced(raw, bare, ranges, this.word, [from, to]) };
  }

  #show(to: number, masked: (from: number, to: number) => string): string {
    if (to <= this.#shown) return '';
    const shown = masked(this.#shown, to);
    this.#shown = to;
    return shown;
  }

  #forget(before: number): void {
    const kept = Math.min(before, this.#shown);
    this.#text = this.#text.slice(kept);
    this.#shown -= kept;
  }
}

function placeOf({ places }: Plain, at: number): number {
  return places ? places[at]! : at;
}
