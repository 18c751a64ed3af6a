/** Finding words in rows of the log, and marking them. Pure. */
import type { LogRow, Span } from '../../model.js';
import { textOf } from '../log/lines.js';

/** A place in the loaded rows. */
export interface Match {
  /** Index of the row. */
  row: number;
  /** Which of the row's places it is. */
  nth: number;
}

/** Most places that are counted; beyond, the count says "1,000+". */
export const MOST = 10_000;

const lower = new WeakMap<LogRow, string>();

function lowered(row: LogRow): string {
  let text = lower.get(row);
  if (text === undefined) lower.set(row, (text = fold(textOf(row))));
  return text;
}

/** Lower case, of the same length. */
export function fold(text: string): string {
  const low = text.toLowerCase();
  return low.length === text.length ? low : Array.from(text, (char) => (char.toLowerCase().length === char.length ? char.toLowerCase() : char)).join('');
}

/** Where words stand in a text, from and to. Case does not matter. */
export function rangesIn(text: string, words: string, most = 200): [number, number][] {
  return rangesOf(fold(text), fold(words), most);
}

function rangesOf(text: string, words: string, most: number): [number, number][] {
  const ranges: [number, number][] = [];
  if (words === '') return ranges;
  for (let at = text.indexOf(words); at >= 0 && ranges.length < most; at = text.indexOf(words, at + words.length)) {
    ranges.push([at, at + words.length]);
  }
  return ranges;
}

/** Where words stand in a row. */
export function rangesInRow(row: LogRow, words: string): [number, number][] {
  return row.kind === 'divider' ? [] : rangesOf(lowered(row), fold(words), 200);
}

/** All places in the loaded rows, in their order. */
export function findAll(rows: readonly LogRow[], words: string): Match[] {
  const found: Match[] = [];
  const folded = fold(words);
  if (folded === '') return found;
  for (let row = 0; row < rows.length && found.length < MOST; row += 1) {
    if (rows[row]!.kind === 'divider' || !lowered(rows[row]!).includes(folded)) continue;
    const many = rangesOf(lowered(rows[row]!), folded, 200).length;
    for (let nth = 0; nth < many; nth += 1) found.push({ row, nth });
  }
  return found;
}

/** Index of the match to begin with: the first at or behind a row, else the first of all. */
export function firstFrom(found: readonly Match[], row: number): number {
  const index = found.findIndex((match) => match.row >= row);
  return index < 0 ? 0 : index;
}

/** A span, and which mark it is part of. */
export interface Marked extends Span {
  mark?: number;
}

/** Spans cut at marks. */
export function cut(spans: readonly Span[], ranges: readonly [number, number][]): Marked[] {
  if (ranges.length === 0) return [...spans];
  const cuts: Marked[] = [];
  let start = 0;
  let next = 0;
  for (const span of spans) {
    const end = start + span.text.length;
    let at = start;
    while (at < end) {
      while (next < ranges.length && ranges[next]![1] <= at) next += 1;
      const range = ranges[next];
      if (range === undefined || range[0] >= end) {
        cuts.push({ ...span, text: span.text.slice(at - start) });
        break;
      }
      if (range[0] > at) {
        cuts.push({ ...span, text: span.text.slice(at - start, range[0] - start) });
        at = range[0];
      }
      const to = Math.min(end, range[1]);
      cuts.push({ ...span, text: span.text.slice(at - start, to - start), mark: next });
      at = to;
    }
    start = end;
  }
  return cuts;
}

/** `3 of 57`; `57 found`, as long as none was gone to; `10,000+ found`. */
export function countWords(current: number, found: number): string {
  if (found === 0) return 'none here';
  const all = found >= MOST ? `${MOST.toLocaleString('en')}+` : found.toLocaleString('en');
  if (current < 0) return `${all} found`;
  return `${(current + 1).toLocaleString('en')} of ${all}`;
}
