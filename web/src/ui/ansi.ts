/**
 * Text with the escapes of terminals in it, as lines of styled spans.
 *
 * Colours and styles, `\r`, `\b`, tabs, movement within the lines of the text and erasing are applied as a terminal does.
 * Titles, links, clearing of the screen, absolute places and everything else is dropped: nothing is shown as garbage.
 */
import type { Span } from '../model.js';
import { alike, PLAIN, select, type Pen } from './sgr.js';

/** A line of text. */
export interface AnsiLine {
  spans: Span[];
  /** How often it was written over. */
  updates: number;
}

/** What goes on into the next text of the same stream. */
export interface Carry {
  pen: Pen;
  /** The beginning of an escape that the text ended in. */
  rest: string;
}

/** Columns that movement may reach beyond a line's end, and the length of an escape that is waited for. */
const WIDTH = 1_000;
const LONGEST_ESCAPE = 4_096;

/* An escape at the text's place: CSI with parameters and its final, a string until its end, or one of two characters. */
// eslint-disable-next-line no-control-regex
const CSI = /(?:\u001b\[|\u009b)([0-?]*)[ -/]*([@-~])/y;
// eslint-disable-next-line no-control-regex
const STRING =
  /(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c|(?=[\u001b\n]))/y;
// eslint-disable-next-line no-control-regex
const SHORT = /\u001b[ -/]*[0-~]/y;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** A line while it is written: pieces of text until something is written over, then one cell per character. */
class Line {
  readonly pieces: { text: string; pen: Pen }[] = [];
  cells: { char: string; pen: Pen }[] | null = null;
  updates = 0;

  toCells(): { char: string; pen: Pen }[] {
    this.cells ??= this.pieces.flatMap(({ text, pen }) => Array.from(text, (char) => ({ char, pen })));
    return this.cells;
  }

  spans(): Span[] {
    const spans: Span[] = [];
    const add = (text: string, pen: Pen) => {
      const last = spans.at(-1);
      if (last !== undefined && alike(last, pen)) last.text += text;
      else spans.push({ text, ...pen });
    };
    if (this.cells === null) for (const { text, pen } of this.pieces) add(text, pen);
    else for (const cell of this.cells) add(cell?.char ?? ' ', cell?.pen ?? PLAIN);
    return spans;
  }
}

/** The lines of a text and the place at which it is written. */
class Sheet {
  readonly lines: Line[] = [new Line()];
  private row = 0;
  /** Column; null: behind the last character. */
  private column: number | null = null;
  pen: Pen;

  constructor(pen: Pen) {
    this.pen = pen;
  }

  private get line(): Line {
    return this.lines[this.row]!;
  }

  private at(): number {
    return this.column ?? this.line.toCells().length;
  }

  write(text: string): void {
    const { line } = this;
    if (this.column === null && line.cells === null) {
      line.pieces.push({ text, pen: this.pen });
      return;
    }
    const cells = line.toCells();
    let column = this.at();
    if (column === 0 && cells.length > 0) line.updates += 1;
    for (let gap = cells.length; gap < column; gap += 1) cells.push({ char: ' ', pen: PLAIN });
    for (const char of text) cells[column++] = { char, pen: this.pen };
    this.column = column;
  }

  newLine(): void {
    this.row += 1;
    if (this.row === this.lines.length) this.lines.push(new Line());
    this.column = this.line.pieces.length === 0 && this.line.cells === null ? null : 0;
  }

  /** Goes to a column; beyond the line's end at most as far as a terminal is wide. */
  toColumn(column: number): void {
    this.column = Math.max(0, Math.min(column, Math.max(this.line.toCells().length, WIDTH)));
  }

  move(rows: number, columns: number): void {
    if (rows !== 0) {
      const column = this.at();
      this.row = Math.max(0, Math.min(this.row + rows, this.lines.length - 1));
      this.toColumn(column);
    }
    if (columns !== 0) this.toColumn(this.at() + columns);
  }

  eraseInLine(mode: number): void {
    const { line } = this;
    if (this.column === null && mode === 0) return;
    const cells = line.toCells();
    const column = this.at();
    if (column === 0 || mode === 2) line.updates += cells.length > 0 ? 1 : 0;
    if (mode === 0) cells.length = Math.min(cells.length, column);
    else if (mode === 1)
      for (let at = 0; at <= column && at < cells.length; at += 1) cells[at] = { char: ' ', pen: PLAIN };
    else if (mode === 2) cells.length = 0;
    this.column = column;
  }

  /** Drops the lines below, and what is behind the place. */
  eraseBelow(): void {
    this.lines.length = this.row + 1;
    this.eraseInLine(0);
  }

  control(char: string): void {
    if (char === '\n') this.newLine();
    else if (char === '\r') this.toStart();
    else if (char === '\t') this.write(char);
    else if (char === '\b') this.move(0, -1);
  }

  private toStart(): void {
    if (this.column === null && this.line.pieces.length === 0 && this.line.cells === null) return;
    this.column = 0;
  }

  escape(parameters: string, final: string): void {
    const first = Number(/^\d+/.exec(parameters)?.[0] ?? NaN);
    const times = Number.isNaN(first) || first === 0 ? 1 : Math.min(first, WIDTH);
    if (final === 'm') {
      if (/^[\d;:]*$/.test(parameters)) this.pen = select(this.pen, parameters);
    } else if (final === 'A') this.move(-times, 0);
    else if (final === 'B') this.move(times, 0);
    else if (final === 'C') this.move(0, times);
    else if (final === 'D') this.move(0, -times);
    else if (final === 'E') (this.move(times, 0), this.toColumn(0));
    else if (final === 'F') (this.move(-times, 0), this.toColumn(0));
    else if (final === 'G') this.toColumn(times - 1);
    else if (final === 'K') this.eraseInLine(Number.isNaN(first) ? 0 : first);
    else if (final === 'J' && !(first > 0)) this.eraseBelow();
  }
}

// eslint-disable-next-line no-control-regex
const BEGUN = /^(?:\u001b|\u001b\[[0-?]*[ -/]*|\u009b[0-?]*[ -/]*|\u001b[ -/]+|\u001b[\]PX^_][^\u0007\n]*)$/;

/** Whether the text ends in an escape that goes on in the next one. */
function isBegun(text: string, at: number): boolean {
  return (
    (text[at] === '\u001b' || text[at] === '\u009b') && text.length - at < LONGEST_ESCAPE && BEGUN.test(text.slice(at))
  );
}

/**
 * The lines of a text. A text that ends in a line break has an empty last line. `carry` is that of the text before it in the
 * same stream, if a stream comes in pieces.
 */
export function ansiLines(text: string, carry?: Carry): { lines: AnsiLine[]; carry: Carry } {
  const whole = (carry?.rest ?? '') + text;
  const sheet = new Sheet(carry?.pen ?? PLAIN);
  let at = 0;
  let rest = '';
  const match = (pattern: RegExp) => ((pattern.lastIndex = at), pattern.exec(whole));
  while (at < whole.length) {
    CONTROL.lastIndex = at;
    const next = CONTROL.exec(whole)?.index ?? whole.length;
    if (next > at) sheet.write(whole.slice(at, next));
    at = next;
    if (at >= whole.length) break;
    const csi = match(CSI);
    if (csi !== null) sheet.escape(csi[1]!, csi[2]!);
    const known = csi ?? match(STRING);
    if (known === null && isBegun(whole, at)) {
      rest = whole.slice(at);
      break;
    }
    const other = known ?? match(SHORT);
    if (other === null) sheet.control(whole[at]!);
    at += other === null ? 1 : other[0].length;
  }
  const lines = sheet.lines.map((line) => ({ spans: line.spans(), updates: line.updates }));
  return { lines, carry: { pen: sheet.pen, rest } };
}

/** A text of several lines as spans; the line breaks stand in them. */
export function ansiSpans(text: string): Span[] {
  const { lines } = ansiLines(text);
  return lines.flatMap(({ spans }, index) => (index === 0 ? spans : [{ text: '\n' }, ...spans]));
}

/** A text of several lines without any escapes, as it would stand in a terminal. */
export function ansiText(text: string): string {
  return ansiLines(text)
    .lines.map(({ spans }) => spans.map((span) => span.text).join(''))
    .join('\n');
}
