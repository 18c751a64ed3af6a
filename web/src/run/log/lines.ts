/** What the log needs to know of its rows. Pure. */
import type { LogRow } from '../../model.js';

/** Heights in pixels. */
export const ROW = 20;
export const BOUNDARY = 24;
/** Characters of a line that are shown until it is opened. */
export const CLIP = 5_000;

const KINDS: LogRow['kind'][] = ['log', 'error', 'test', 'ask', 'command', 'status', 'notice', 'divider'];

/** A number that no other row has: of its event, line and kind. */
export function rowKey(row: LogRow): number {
  return row.seq * 4_194_304 + Math.min(row.line, 524_287) * 8 + KINDS.indexOf(row.kind);
}

/** The height of a row that does not wrap. */
export function heightOf(row: LogRow): number {
  return row.kind === 'test' || row.kind === 'divider' || row.kind === 'ask' ? BOUNDARY : ROW;
}

const texts = new WeakMap<LogRow, string>();

/** The text of a row. */
export function textOf(row: LogRow): string {
  let text = texts.get(row);
  if (text === undefined) {
    text = row.spans.length === 1 ? row.spans[0]!.text : row.spans.map((span) => span.text).join('');
    texts.set(row, text);
  }
  return text;
}

// What takes two columns: Hangul, kana, ideographs, full width forms, pictures.
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/g;
// eslint-disable-next-line no-control-regex
const NOT_ASCII = /[^\u0000-\u007f]/;

/** About how many columns a text has; a tab has up to 8. */
export function columnsOf(text: string): number {
  let columns = text.length;
  if (text.includes('\t')) columns += 7 * (text.split('\t').length - 1);
  if (NOT_ASCII.test(text)) columns += text.match(WIDE)?.length ?? 0;
  return columns;
}

/** The most columns of rows that come and go at both ends. It only grows while it is the same log. */
export class Widest {
  private log = -1;
  private first: LogRow | undefined;
  private last: LogRow | undefined;
  private columns = 0;

  /** The most columns of any row so far. Looks at new rows alone. */
  of(log: number, rows: readonly LogRow[]): number {
    if (log !== this.log) (this.log = log), (this.columns = 0), (this.first = this.last = undefined);
    let at = rows.length - 1;
    for (; at >= 0 && rows[at] !== this.last; at -= 1) this.take(rows[at]!);
    for (let index = 0; index < at && rows[index] !== this.first; index += 1) this.take(rows[index]!);
    this.first = rows[0];
    this.last = rows.at(-1);
    return this.columns;
  }

  private take(row: LogRow): void {
    this.columns = Math.max(this.columns, columnsOf(textOf(row).slice(0, CLIP)));
  }
}

/** Index of the first row of an event, or of the first one behind it; the number of rows, if there is none. */
export function indexOfSeq(rows: readonly LogRow[], seq: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of a line; -1: it is not among the rows. Without its line, the first row of its event is taken. */
export function indexOfLine(rows: readonly LogRow[], { seq, line }: { seq: number; line: number }): number {
  const first = indexOfSeq(rows, seq);
  let found = -1;
  for (let at = first; at < rows.length && rows[at]!.seq === seq; at += 1) {
    if (rows[at]!.kind === 'divider') continue;
    if (rows[at]!.line === line) return at;
    if (found < 0) found = at;
  }
  return found;
}

/** Index of the row with a key; -1: it is gone. */
export function indexOfKey(rows: readonly LogRow[], key: number): number {
  const seq = Math.floor(key / 4_194_304);
  for (let at = indexOfSeq(rows, seq); at < rows.length && rows[at]!.seq === seq; at += 1) {
    if (rowKey(rows[at]!) === key) return at;
  }
  return -1;
}

/** Whether a row shows when it was and who wrote it: the first row of each event does, and the first of each kind in it. */
export function beginsEvent(rows: readonly LogRow[], index: number): boolean {
  const before = rows[index - 1];
  return before === undefined || before.seq !== rows[index]!.seq || before.kind !== rows[index]!.kind;
}

/** Number of rows behind a place in the log. */
export function rowsBehind(rows: readonly LogRow[], seq: number): number {
  return rows.length - indexOfSeq(rows, seq + 1);
}

/** Whether an event is, or would be, among the rows that are loaded. */
export function covers(log: { rows: readonly LogRow[]; earlier: boolean; later: boolean }, seq: number): boolean {
  const first = log.rows[0];
  const last = log.rows.at(-1);
  if (first === undefined || last === undefined) return !log.earlier && !log.later;
  return (!log.earlier || first.seq <= seq) && (!log.later || last.seq >= seq);
}
