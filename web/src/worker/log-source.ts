/** Where the log's events come from: all of the run's, or those of one test. */
import type { EventHistory } from './history.js';
import { eventsOf } from './history.js';
import type { Http } from './http.js';
import { Pages } from './pages.js';
import type { RunEvent } from './read.js';

/** Events on one side of a place. */
export interface Part {
  events: RunEvent[];
  /** Everything from here, or up to here, is among them. */
  edge: number;
}

export interface LogSource {
  /** Events before `seq`, the last ones, in order. `edge`: the first that is covered. */
  before(seq: number, signal: AbortSignal): Promise<Part>;
  /** Events behind `seq` up to `tip`, the first ones. `edge`: the last that is covered. */
  after(seq: number, tip: number, signal: AbortSignal): Promise<Part>;
}

/** All events of the run, a page at a time. */
export class RunSource implements LogSource {
  constructor(private readonly history: EventHistory) {}

  async before(seq: number, signal: AbortSignal): Promise<Part> {
    const { firstAvailable } = this.history;
    if (seq <= firstAvailable) return { events: [], edge: firstAvailable };
    const number = Pages.number(seq - 1);
    const page = await this.history.page(number, signal);
    return { events: eventsOf(page, 1, seq - 1), edge: Math.min(seq - 1, Pages.first(number)) };
  }

  async after(seq: number, tip: number, signal: AbortSignal): Promise<Part> {
    if (seq >= tip) return { events: [], edge: tip };
    const number = Pages.number(seq + 1);
    const page = await this.history.page(number, signal);
    const last = Math.min(tip, Pages.first(number + 1) - 1);
    return { events: eventsOf(page, seq + 1, last), edge: last };
  }
}

/** Events of one test, which the server picks. A server that can't is asked for all. */
export class TestSource implements LogSource {
  /** Whether the server picks them, as far as is known. */
  static picks = true;
  readonly #all: RunSource;

  constructor(
    private readonly http: Http,
    history: EventHistory,
    private readonly test: { testId: string; variant: string | null },
    private readonly limit = 500,
  ) {
    this.#all = new RunSource(history);
  }

  async before(seq: number, signal: AbortSignal): Promise<Part> {
    const page = TestSource.picks ? await this.#ask({ before: seq }, signal) : null;
    if (page === null) return this.#all.before(seq, signal);
    return { events: page.events, edge: page.before ?? 1 };
  }

  async after(seq: number, tip: number, signal: AbortSignal): Promise<Part> {
    if (seq >= tip) return { events: [], edge: tip };
    const page = TestSource.picks ? await this.#ask({ after: seq }, signal) : null;
    if (page === null) return this.#all.after(seq, tip, signal);
    const edge = page.more ? Math.min(tip, Math.max(seq, page.after)) : tip;
    return { events: page.events.filter((event) => event.seq <= tip), edge };
  }

  /** Null: the server does not pick. */
  async #ask(side: { before?: number; after?: number }, signal: AbortSignal) {
    const { testId, variant } = this.test;
    const query = { test: testId, variant, limit: this.limit, ...side };
    const page = await this.http.insist(() => this.http.lines(query, signal), signal);
    const events = [...page.lines];
    const isPicked = events.every((event) => picked(event, testId) && event.seq < (side.before ?? Infinity));
    if (isPicked) return { ...page, events };
    TestSource.picks = false;
    return null;
  }
}

/** Whether an event is of a test, as the server picks them. */
export function picked(event: RunEvent, testId: string): boolean {
  return event['testId'] === testId || (event.type === 'artifact' && event['test'] === testId);
}
