/** The log that is on the page: a window of rows that follows the tip, or is somewhere else and grows at both edges. */
import type { LogChange, LogRow, LogScope } from '../model.js';
import type { LogSource } from './log-source.js';
import { type EventRows, type RowContext, rowsOf } from './log-rows.js';
import { LogWindow } from './log-window.js';
import type { RunEvent } from './read.js';
import { wholeOf, membersOf } from './read.js';

/** Rows that are loaded at first, and when more are asked for. */
const FIRST_ROWS = 400;
const MORE_ROWS = 1_000;
/** Requests that one loading may take where rows are rare. */
const MOST_PARTS = 10;

/** What the log needs of the run. */
export interface LogRun extends RowContext {
  /** The last event that is to be seen: the tip, or the moment that is shown. */
  until(): number;
  /** Seq of the first event that has not expired. */
  firstAvailable(): number;
  source(scope: LogScope): LogSource;
  /** Producer and slot in which an attempt of a test ran. */
  placeOf(key: string, attempt: number | null): { producer: string | null; slot: number } | null;
  /** Lines between events: what is said in front of an event. */
  dividers: ReadonlyMap<number, string>;
  /** Something is to be told. */
  touch(): void;
}

export class Log {
  #number = 0;
  #scope: LogScope = { of: 'run' };
  #source: LogSource;
  #window = new LogWindow();
  /** All rows of events `from` to `to` are in the window. */
  #from = 1;
  #to = 0;
  #isOpen = false;
  #isLoading = false;
  #stop = new AbortController();
  #told = '';

  constructor(private readonly run: LogRun) {
    this.#source = run.source(this.#scope);
  }

  /** Chooses rows. `seq`: around this event; missing: the end. */
  open(number: number, scope: LogScope, seq?: number): void {
    this.#number = number;
    this.#scope = scope;
    this.#isOpen = true;
    this.#source = this.run.source(scope);
    this.reload(seq);
  }

  /** Reads it anew: another moment is shown, or events are void. */
  reload(seq?: number): void {
    if (!this.#isOpen) return;
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#window.clear();
    this.#told = '';
    const until = this.run.until();
    const around = seq !== undefined && seq < until ? Math.max(1, seq) : null;
    this.#from = around ?? until + 1;
    this.#to = this.#from - 1;
    void this.#work(async (signal) => {
      if (around !== null) {
        await this.#forward(FIRST_ROWS, signal);
        await this.#backward(this.#window.length + FIRST_ROWS, signal);
      } else {
        await this.#backward(FIRST_ROWS, signal);
        await this.#catchUp(signal);
      }
    });
  }

  /** Rows beyond an edge. */
  more(number: number, side: 'earlier' | 'later'): void {
    if (number !== this.#number || this.#isLoading) return;
    void this.#work(async (signal) => {
      if (side === 'earlier') {
        const before = this.#window.length;
        await this.#backward(before + MORE_ROWS, signal);
        if (this.#window.trimEnd()) this.#to = this.#window.lastSeq ?? this.#to;
      } else {
        await this.#forward(MORE_ROWS, signal);
        if (this.#window.trimStart()) this.#from = this.#window.firstSeq ?? this.#from;
      }
    });
  }

  /** Takes the event behind the last one. The log shows it if it follows the tip. */
  take(event: RunEvent): void {
    if (!this.#isOpen || this.#isLoading || this.#to !== event.seq - 1) return;
    this.#append(event);
    this.#to = event.seq;
    if (this.#window.isFull && this.#window.trimStart()) this.#from = this.#window.firstSeq ?? this.#from;
  }

  /** What is to be told. */
  change(): LogChange | null {
    if (!this.#isOpen || (this.#isLoading && this.#window.length === 0)) return null;
    const earlier = this.#from > this.run.firstAvailable();
    const later = this.#to < this.run.until();
    const edges = `${this.#number} ${earlier} ${later}`;
    if (!this.#window.isChanged && edges === this.#told) return null;
    this.#told = edges;
    return this.#window.change(this.#number, earlier, later);
  }

  async #work(load: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    this.#isLoading = true;
    try {
      await load(signal);
    } catch {
      // Superseded; or the server is away, and one may ask again.
    }
    if (signal.aborted) return;
    this.#isLoading = false;
    this.run.touch();
  }

  /** Loads rows in front until the window has so many. */
  async #backward(rows: number, signal: AbortSignal): Promise<void> {
    for (let part = 0; part < MOST_PARTS && this.#window.length < rows; part += 1) {
      if (this.#from <= this.run.firstAvailable()) return;
      const { events, edge } = await this.#source.before(this.#from, signal);
      signal.throwIfAborted();
      this.#window.prepend(events.map((event) => this.#rows(event)).filter((one) => one.rows.length > 0));
      this.#from = Math.min(this.#from, Math.max(edge, 1));
      if (events.length === 0 && edge >= this.#from && this.#from <= this.run.firstAvailable()) return;
      this.run.touch();
    }
  }

  /** Loads so many rows behind, or all that there are. */
  async #forward(rows: number, signal: AbortSignal): Promise<void> {
    let added = 0;
    for (let part = 0; part < MOST_PARTS && added < rows && this.#to < this.run.until(); part += 1) {
      const { events, edge } = await this.#source.after(this.#to, this.run.until(), signal);
      signal.throwIfAborted();
      for (const event of events) added += this.#append(event);
      this.#to = Math.max(this.#to, edge);
      this.run.touch();
    }
  }

  /** Loads what came meanwhile. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    while (this.#to < this.run.until()) await this.#forward(Infinity, signal);
  }

  #append(event: RunEvent): number {
    const rows = this.#rows(event);
    if (rows.rows.length > 0) this.#window.append(rows);
    return rows.rows.length;
  }

  #rows(event: RunEvent): EventRows {
    const said = this.run.dividers.get(event.seq) ?? this.#expired(event.seq);
    const made = this.#isIn(event)
      ? rowsOf(event, this.run, this.#scope.of === 'test')
      : { rows: [], open: false, again: false, source: null };
    return said === undefined ? made : { ...made, rows: [divider(event, said), ...made.rows] };
  }

  /** What stands in front of the first event that is still there. */
  #expired(seq: number): string | undefined {
    if (seq === 1 || seq !== this.run.firstAvailable()) return undefined;
    return `Events 1 to ${(seq - 1).toLocaleString('en')} have expired`;
  }

  #isIn(event: RunEvent): boolean {
    if (this.#scope.of === 'run') return true;
    const key = this.run.keyOf(event);
    if (key === null) return false;
    if (this.#scope.of === 'test') return key === this.#scope.key;
    const number =
      wholeOf(event['attempt']) ??
      wholeOf(membersOf(event['data'])['attempt']) ??
      wholeOf(membersOf(event['step'])['attempt']);
    const place = this.run.placeOf(key, number);
    return (
      place !== null &&
      place.slot === this.#scope.slot &&
      (place.producer ?? this.#scope.producer) === this.#scope.producer
    );
  }
}

function divider(event: RunEvent, text: string): LogRow {
  return { seq: event.seq, line: -1, at: 0, kind: 'divider', slotLabel: null, test: null, spans: [{ text }] };
}
