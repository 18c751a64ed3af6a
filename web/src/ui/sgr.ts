/** Styles that escapes of the form `ESC [ ... m` select. */
import type { Span } from '../model.js';

/** How text is written from here on. */
export type Pen = Readonly<Omit<Span, 'text'>>;

/** The pen that a terminal begins with. */
export const PLAIN: Pen = {};

const LEVELS = [0, 95, 135, 175, 215, 255];
const hex = (...parts: number[]) => `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`;

/** The colour with a number of the 256: `0` to `15` have names in the theme, the others are fixed. */
function indexed(number: number): string | undefined {
  if (!(number >= 0 && number <= 255)) return undefined;
  if (number < 16) return String(number);
  if (number >= 232) return hex(8 + (number - 232) * 10, 8 + (number - 232) * 10, 8 + (number - 232) * 10);
  const cube = number - 16;
  return hex(LEVELS[Math.floor(cube / 36)]!, LEVELS[Math.floor(cube / 6) % 6]!, LEVELS[cube % 6]!);
}

function rgb(parts: readonly number[]): string | undefined {
  return parts.length >= 3 && parts.slice(0, 3).every((part) => part >= 0 && part <= 255)
    ? hex(...parts.slice(0, 3))
    : undefined;
}

/**
 * The colour behind a 38, 48 or 58, and how many parameters it took: `38;5;N`, `38;2;R;G;B`, `38:5:N`, `38:2:R:G:B` and
 * `38:2:SPACE:R:G:B`.
 */
function colour(params: readonly number[][], at: number): { value: string | undefined; took: number } {
  const own = params[at]!;
  if (own.length > 1) {
    const value =
      own[1] === 5 ? indexed(own[2] ?? -1) : own[1] === 2 ? rgb(own.slice(own.length > 5 ? 3 : 2)) : undefined;
    return { value, took: 0 };
  }
  const one = (offset: number) => params[at + offset]?.[0] ?? -1;
  if (one(1) === 5) return { value: indexed(one(2)), took: 2 };
  if (one(1) === 2) return { value: rgb([one(2), one(3), one(4)]), took: 4 };
  return { value: undefined, took: 0 };
}

type Draft = { -readonly [K in keyof Pen]: Pen[K] };

function paint(pen: Draft, place: 'fg' | 'bg', value: string | undefined): void {
  if (value === undefined) delete pen[place];
  else pen[place] = value;
}

/** The pen after the parameters of an escape, for instance `1;31` or `38:5:208`. */
export function select(before: Pen, parameters: string): Pen {
  const params = parameters.split(';').map((part) => part.split(':').map((text) => (text === '' ? 0 : Number(text))));
  let pen: Draft = { ...before };
  for (let at = 0; at < params.length; at += 1) {
    const [code = 0, detail] = params[at]!;
    if (code === 0) pen = {};
    else if (code === 1) pen.bold = true;
    else if (code === 2) pen.dim = true;
    else if (code === 3) pen.italic = true;
    else if (code === 4 && detail === 0) delete pen.underline;
    else if (code === 4 || code === 21) pen.underline = true;
    else if (code === 7) pen.inverse = true;
    else if (code === 9) pen.strike = true;
    else if (code === 22) (delete pen.bold, delete pen.dim);
    else if (code === 23) delete pen.italic;
    else if (code === 24) delete pen.underline;
    else if (code === 27) delete pen.inverse;
    else if (code === 29) delete pen.strike;
    else if (code >= 30 && code <= 37) pen.fg = String(code - 30);
    else if (code >= 40 && code <= 47) pen.bg = String(code - 40);
    else if (code >= 90 && code <= 97) pen.fg = String(code - 82);
    else if (code >= 100 && code <= 107) pen.bg = String(code - 92);
    else if (code === 39) delete pen.fg;
    else if (code === 49) delete pen.bg;
    else if (code === 38 || code === 48 || code === 58) {
      const { value, took } = colour(params, at);
      if (code !== 58) paint(pen, code === 38 ? 'fg' : 'bg', value);
      at += took;
    }
  }
  return pen;
}

/** Whether two pens write alike. */
export function alike(one: Pen, other: Pen): boolean {
  return (
    one === other ||
    (one.fg === other.fg &&
      one.bg === other.bg &&
      !one.bold === !other.bold &&
      !one.dim === !other.dim &&
      !one.italic === !other.italic &&
      !one.underline === !other.underline &&
      !one.strike === !other.strike &&
      !one.inverse === !other.inverse)
  );
}
