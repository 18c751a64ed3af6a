/** The run's events by their seqs: from the pages that are kept, else from the server. */
import { type Http } from './http.js';
import { Lines, Page, PAGE, Pages } from './pages.js';
import type { RunEvent } from './read.js';

export class EventHistory {
  /** Seq of the first event that has not expired, as far as that is known. */
  firstAvailable = 1;
  readonly pages: Pages;
  readonly #asked = new Map<number, Promise<Page>>();

  /** `tip`: seq of the last event that was seen. */
  constructor(
    private readonly http: Http,
    maxBytes: number,
    private readonly tip: () => number,
  ) {
    this.pages = new Pages(maxBytes);
  }

  /** A page with all of its events up to one, or to the tip. */
  async page(number: number, signal?: AbortSignal, until = this.tip()): Promise<Page> {
    const kept = this.pages.get(number);
    if (kept !== undefined && (kept.isWhole || kept.last >= until)) return kept;
    let asked = this.#asked.get(number);
    if (asked === undefined) {
      asked = this.#fetch(number).finally(() => this.#asked.delete(number));
      this.#asked.set(number, asked);
    }
    const page = await asked;
    signal?.throwIfAborted();
    return page;
  }

  /** An event; null: there is none, or it has expired. */
  async event(seq: number): Promise<RunEvent | null> {
    return (await this.page(Pages.number(seq), undefined, seq)).event(seq);
  }

  /** Events `from` to `to`, page by page. */
  async *range(from: number, to: number, signal?: AbortSignal): AsyncGenerator<RunEvent[]> {
    for (let seq = Math.max(1, from); seq <= to;) {
      const page = await this.page(Pages.number(seq), signal, Math.max(to, this.tip()));
      const last = Math.min(to, Math.max(page.last, Pages.first(Pages.number(seq)) + PAGE - 1));
      yield eventsOf(page, seq, last);
      seq = last + 1;
    }
  }

  /** Forgets the events from `seq` on. */
  dropFrom(seq: number): void {
    this.pages.dropFrom(seq);
    this.#asked.clear();
  }

  async #fetch(number: number): Promise<Page> {
    const first = Pages.first(number);
    let [after, lines] = [first - 1, null as Lines | null];
    for (let more = true; more && after < first + PAGE - 1;) {
      const limit = first + PAGE - 1 - after;
      const page = await this.http.insist(() => this.http.lines({ after, limit }));
      if (page.gapTo !== null) this.firstAvailable = Math.max(this.firstAvailable, page.gapTo + 1);
      if (page.gapTo !== null && page.gapTo >= first + PAGE - 1) break; // all of this page has expired
      if (lines === null) lines = page.lines;
      else lines.append(page.lines);
      more = page.more && page.after > after;
      after = page.after;
    }
    const made = new Page(lines?.at(0)?.seq ?? first, lines ?? new Lines());
    if (this.#asked.has(number)) this.pages.set(number, made);
    return made;
  }
}

/** The events of a page from `from` to `to`. */
export function eventsOf(page: Page, from: number, to: number): RunEvent[] {
  const events: RunEvent[] = [];
  for (let seq = Math.max(from, page.first); seq <= Math.min(to, page.last); seq += 1) {
    const event = page.event(seq);
    if (event !== null) events.push(event);
  }
  return events;
}
