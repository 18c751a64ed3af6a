/** The events of the test that is open: all of them once, then as they come. */
import type { FromWorker, TestKey } from '../model.js';
import { Detail, DETAIL_TYPES } from './detail.js';
import type { EventHistory } from './history.js';
import type { Http } from './http.js';
import { picked, TestSource } from './log-source.js';
import { Lines } from './pages.js';
import { partsOf, type RunEvent } from './read.js';

/** Bytes of events of one test that are read. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Events of a request. */
const LIMIT = 2_000;

export interface DetailRun {
  until(): number;
  isOver(): boolean;
  keyOf(event: RunEvent): TestKey | null;
  labelOf(producer: string | null, slot: number): string | null;
  touch(): void;
}

export class DetailFeed {
  #key: TestKey | null = null;
  #lines = new Lines();
  #detail: Detail;
  /** All events of the test up to here are known. */
  #to = 0;
  #loading = false;
  /** What came while it was loading. */
  #waiting: RunEvent[] = [];
  #stop = new AbortController();
  #isTold = false;

  constructor(
    private readonly http: Http,
    private readonly history: EventHistory,
    private readonly run: DetailRun,
  ) {
    this.#detail = new Detail(run.labelOf);
  }

  /** Opens a test; null: none. */
  open(key: TestKey | null): void {
    if (key === this.#key) return;
    this.#key = key;
    this.reload();
  }

  /** Reads it anew. */
  reload(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#lines = new Lines();
    this.#detail = new Detail(this.run.labelOf);
    this.#to = 0;
    this.#isTold = false;
    this.#waiting = [];
    this.#loading = this.#key !== null;
    if (this.#key === null) return;
    void this.#load(this.#key, this.#stop.signal);
  }

  /** Another moment is shown: the same events, up to another one. */
  rewind(): void {
    if (this.#key === null) return;
    this.#detail = new Detail(this.run.labelOf);
    this.#isTold = false;
    const until = this.run.until();
    for (const event of this.#lines) if (event.seq <= until) this.#detail.take(event);
    if (this.run.isOver()) this.#detail.close();
  }

  /** Takes the event behind the last one. `isShown`: the moment that is shown has it. */
  take(event: RunEvent, isShown: boolean): void {
    if (this.#key === null) return;
    const isOurs = DETAIL_TYPES.includes(event.type) && this.run.keyOf(event) === this.#key;
    if (isOurs && this.#loading) this.#waiting.push(event);
    else if (isOurs) this.#add(event, isShown);
    else if (event.type === 'run_status' && isShown && this.run.isOver()) this.#detail.close();
  }

  /** What is to be told. */
  change(): FromWorker | null {
    if (this.#key === null || (!this.#detail.isChanged && this.#isTold)) return null;
    this.#isTold = !this.#loading;
    return { type: 'detail', key: this.#key, loading: this.#loading, ...this.#detail.change() };
  }

  #add(event: RunEvent, isShown: boolean): void {
    if (this.#lines.bytes < MAX_BYTES) this.#lines.push(event);
    if (isShown) this.#detail.take(event);
  }

  async #load(key: TestKey, signal: AbortSignal): Promise<void> {
    try {
      for (let more = true; more;) {
        more = TestSource.picks ? await this.#picked(key, signal) : await this.#searched(signal);
        signal.throwIfAborted();
        this.run.touch();
        if (this.#lines.bytes >= MAX_BYTES) break;
      }
    } catch {
      if (signal.aborted) return;
    }
    this.#loading = false;
    this.#isTold = false;
    this.#take(
      this.#waiting.splice(0).filter(({ seq }) => seq > this.#to),
      key,
    );
    if (this.run.isOver()) this.#detail.close();
    this.run.touch();
  }

  /** The next events, which the server picks. Whether there are more. */
  async #picked(key: TestKey, signal: AbortSignal): Promise<boolean> {
    const { testId, variant } = partsOf(key);
    const query = { test: testId, variant, types: DETAIL_TYPES.join(','), after: this.#to, limit: LIMIT };
    const page = await this.http.insist(() => this.http.lines(query, signal), signal);
    signal.throwIfAborted();
    const events = [...page.lines];
    if (!events.every((event) => picked(event, testId) && DETAIL_TYPES.includes(event.type))) {
      TestSource.picks = false;
      return true;
    }
    this.#take(events, key);
    const isFurther = page.after > this.#to;
    this.#to = Math.max(this.#to, page.more ? page.after : (events.at(-1)?.seq ?? 0));
    return page.more && isFurther;
  }

  /** The next page of all events, for a server that does not pick. */
  async #searched(signal: AbortSignal): Promise<boolean> {
    const from = Math.max(this.#to + 1, this.history.firstAvailable);
    const to = this.run.until();
    for await (const events of this.history.range(from, Math.min(to, from + 999), signal)) {
      this.#take(events, this.#key as TestKey);
      this.#to = Math.max(this.#to, events.at(-1)?.seq ?? 0);
    }
    this.#to = Math.max(this.#to, Math.min(to, from + 999));
    return this.#to < this.run.until();
  }

  #take(events: readonly RunEvent[], key: TestKey): void {
    const until = this.run.until();
    for (const event of events) {
      if (DETAIL_TYPES.includes(event.type) && this.run.keyOf(event) === key) this.#add(event, event.seq <= until);
    }
  }
}
