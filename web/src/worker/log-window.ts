/** The rows of the log that are on the page: a bounded number of them, and how they change. No I/O. */
import type { LogChange, LogRow } from '../model.js';
import type { EventRows } from './log-rows.js';
import { MAX_LINE } from './output.js';

/** Rows, and bytes of them, that are on the page at a time. */
export const MAX_ROWS = 20_000;
export const MAX_BYTES = 8 * 1024 * 1024;
/** Bytes of a row besides its text. */
const ROW_BYTES = 120;

interface Source {
  name: string;
  open: boolean;
  row: LogRow;
}

/** A change that was not told yet: rows of the page are dropped, then those here are added. */
interface Pending {
  reset: boolean;
  dropFirst: number;
  dropLast: number;
  prepend: LogRow[];
  append: LogRow[];
}

export class LogWindow {
  readonly #seqs: number[] = [];
  readonly #weights: number[] = [];
  #bytes = 0;
  #pending: Pending = { reset: true, dropFirst: 0, dropLast: 0, prepend: [], append: [] };
  /** Rows that the page has, and keeps. */
  #told = 0;
  /** The last row, if it is output. */
  #last: Source | null = null;
  #isChanged = true;

  constructor(
    private readonly maxRows = MAX_ROWS,
    private readonly maxBytes = MAX_BYTES,
  ) {}

  get length(): number {
    return this.#seqs.length;
  }

  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** Seq of the event of the first row. */
  get firstSeq(): number | null {
    return this.#seqs[0] ?? null;
  }

  get lastSeq(): number | null {
    return this.#seqs.at(-1) ?? null;
  }

  /** Whether it has as many rows as it may. */
  get isFull(): boolean {
    return this.length > this.maxRows || this.#bytes > this.maxBytes;
  }

  /** Adds the rows of the next event. Output that has no end yet goes on in its row. */
  append(of: EventRows): void {
    const rows = [...of.rows];
    const first = rows[0];
    const last = this.#last;
    if (first !== undefined && last !== null && last.open && of.source === last.name && (of.again || fits(last.row))) {
      this.#replaceLast((last.row = joined(last.row, first, of.again)));
      rows.shift();
    }
    for (const row of rows) this.#push(row);
    if (of.rows.length === 0) return;
    const row = rows.at(-1) ?? last?.row;
    this.#last = of.source === null || row === undefined ? null : { name: of.source, open: of.open, row };
  }

  /** Adds the rows of events before the first one. */
  prepend(events: readonly EventRows[]): void {
    const before = new LogWindow(Infinity, Infinity);
    for (const event of events) before.append(event);
    const rows = before.#pending.append;
    if (rows.length === 0) return;
    this.#isChanged = true;
    this.#pending.prepend = [...rows, ...this.#pending.prepend];
    this.#seqs.unshift(...before.#seqs);
    this.#weights.unshift(...before.#weights);
    this.#bytes += before.#bytes;
    if (this.length === rows.length) this.#last = before.#last;
  }

  /** Drops the first rows until it is within its bounds, whole events at a time. Whether any was dropped. */
  trimStart(): boolean {
    let count = 0;
    for (let [rows, bytes] = [this.length, this.#bytes]; rows > this.maxRows || bytes > this.maxBytes; count += 1) {
      if (count === this.length - 1) break;
      rows -= 1;
      bytes -= this.#weights[count] as number;
    }
    while (count > 0 && count < this.length && this.#seqs[count] === this.#seqs[count - 1]) count += 1;
    if (count === 0 || count >= this.length) return false;
    for (const weight of this.#weights.splice(0, count)) this.#bytes -= weight;
    this.#seqs.splice(0, count);
    const { prepend, append } = this.#pending;
    const ofPrepend = prepend.splice(0, count).length;
    const ofTold = Math.min(this.#told, count - ofPrepend);
    this.#told -= ofTold;
    this.#pending.dropFirst += ofTold;
    append.splice(0, count - ofPrepend - ofTold);
    this.#isChanged = true;
    return true;
  }

  /** The same with the last rows. */
  trimEnd(): boolean {
    let count = 0;
    for (let [rows, bytes] = [this.length, this.#bytes]; rows > this.maxRows || bytes > this.maxBytes; count += 1) {
      if (count === this.length - 1) break;
      rows -= 1;
      bytes -= this.#weights[this.length - 1 - count] as number;
    }
    const seqAt = (dropped: number) => this.#seqs[this.length - 1 - dropped];
    while (count > 0 && count < this.length && seqAt(count) === seqAt(count - 1)) count += 1;
    if (count === 0 || count >= this.length) return false;
    this.#dropLast(count);
    this.#last = null;
    return true;
  }

  /** Forgets everything. */
  clear(): void {
    this.#seqs.length = 0;
    this.#weights.length = 0;
    this.#bytes = 0;
    this.#told = 0;
    this.#last = null;
    this.#pending = { reset: true, dropFirst: 0, dropLast: 0, prepend: [], append: [] };
    this.#isChanged = true;
  }

  /** What is to be told. `log`, `earlier`, `later`: as in the change. */
  change(log: number, earlier: boolean, later: boolean): LogChange {
    const { reset, dropFirst, dropLast, prepend, append } = this.#pending;
    this.#told = this.length;
    this.#pending = { reset: false, dropFirst: 0, dropLast: 0, prepend: [], append: [] };
    this.#isChanged = false;
    return {
      log,
      earlier,
      later,
      ...(reset && { reset }),
      ...(dropFirst > 0 && { dropFirst }),
      ...(dropLast > 0 && { dropLast }),
      ...(prepend.length > 0 && { prepend }),
      ...(append.length > 0 && { append }),
    };
  }

  #push(row: LogRow): void {
    const weight = weightOf(row);
    this.#seqs.push(row.seq);
    this.#weights.push(weight);
    this.#bytes += weight;
    this.#pending.append.push(row);
    this.#isChanged = true;
  }

  #replaceLast(row: LogRow): void {
    this.#dropLast(1);
    this.#push(row);
  }

  #dropLast(count: number): void {
    for (const weight of this.#weights.splice(this.length - count, count)) this.#bytes -= weight;
    this.#seqs.splice(this.#seqs.length - count, count);
    const { prepend, append } = this.#pending;
    const ofAppend = append.splice(Math.max(0, append.length - count)).length;
    const ofTold = Math.min(this.#told, count - ofAppend);
    this.#told -= ofTold;
    this.#pending.dropLast += ofTold;
    const rest = count - ofAppend - ofTold;
    if (rest > 0) prepend.splice(prepend.length - rest);
    this.#isChanged = true;
  }
}

/** A row that goes on with the output of the one before, or is written over it. */
function joined(before: LogRow, next: LogRow, again: boolean): LogRow {
  const updates = (before.updates ?? 0) + (next.updates ?? 0) + (again ? 1 : 0);
  const spans = again ? next.spans : [...before.spans, ...next.spans];
  return { ...before, spans, ...(updates > 0 && { updates }) };
}

/** Whether more may be added to a row. */
function fits({ spans }: LogRow): boolean {
  return spans.length < 200 && spans.reduce((sum, { text }) => sum + text.length, 0) < MAX_LINE;
}

function weightOf(row: LogRow): number {
  let weight = ROW_BYTES;
  for (const { text } of row.spans) weight += text.length * 2 + 40;
  return weight;
}
