/** The run as it goes on: what the server says first, then each event, whatever happens to the connection. */
import { ApiError, type ScreenFrame, type Viewer } from '@runcast/client';

import type { Notice } from '../model.js';
import { Checkpoints } from './checkpoints.js';
import { Columns } from './columns.js';
import { TestFacts } from './facts.js';
import type { RunFold } from './fold.js';
import { EventHistory } from './history.js';
import { Http } from './http.js';
import { Link } from './link.js';
import type { Later } from './late.js';
import { markOf } from './marks.js';
import { type RunEvent, timeOf } from './read.js';
import { expired, FEW_EVENTS, lastEvents, lastSteered, type Recalled, serverTimeline } from './recall.js';
import { type Overview, seqIn, States } from './states.js';
import { Steered } from './steered.js';
import { Bins } from './timeline.js';
import { RunView } from './view.js';

/** Events that wait for the fold; when there are more, the connection waits. */
const MAX_WAITING = 20_000;
/** Before the run is asked for again when there was no answer, in milliseconds: the first time, and at most. */
const PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;
/** Close codes that mean the same as a refusal. */
const CLOSE_CODES: Record<number, number> = { 401: 4401, 403: 4403, 410: 4410 };

export interface FollowSink {
  /** What the server says, while the fold is on its way. */
  overview(state: Overview, view: RunView): void;
  /** The fold is there, for the first time or anew. */
  began(): void;
  /** The next event was applied. */
  applied(event: RunEvent): void;
  /** Something is to be said. What is shown from `from` on is void, if `isVoid`. */
  said(notice: Notice, isVoid: boolean): void;
  frame(frame: ScreenFrame): void;
  /** Something about the connection or the timeline has changed. */
  changed(): void;
}

export interface FollowOptions {
  baseUrl: string;
  runId: string;
  /** Bytes of raw events that are kept. */
  pageBytes: number;
  viewer: Viewer;
  /** Loads what makes folds. */
  later: () => Promise<Later>;
}

export class Follow {
  readonly http: Http;
  readonly history: EventHistory;
  readonly states: States;
  readonly link: Link;
  readonly facts = new TestFacts();
  readonly columns = new Columns();
  readonly bins = new Bins();
  readonly checkpoints = new Checkpoints();
  steered = new Steered();
  /** What is said in front of an event, in the log. */
  readonly dividers = new Map<number, string>();
  /** The run after the last event; null: it is on its way. */
  live: RunView | null = null;
  isTimelineChanged = false;
  /** Events that came before the fold was there. */
  #waiting: RunEvent[] = [];
  /** The connection is to go on when the fold is there. */
  #isStopped = false;
  #recalled: Recalled[] = [];
  #epoch: string | null = null;
  #stop = new AbortController();
  #retry: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = PAUSE_MS;
  #lastTime = 0;

  constructor(
    options: FollowOptions,
    private readonly sink: FollowSink,
  ) {
    const { baseUrl, runId, pageBytes, viewer, later } = options;
    this.http = new Http(baseUrl, runId);
    this.history = new EventHistory(this.http, pageBytes, () => this.tip);
    this.states = new States(this.http, this.history, runId, () => this.#epoch, later);
    this.link = new Link(viewer, {
      event: (event) => this.#event(event),
      gap: (from, to) => this.#gap(from, to),
      reset: (from) => this.#reset(from),
      frame: (frame) => sink.frame(frame),
      back: (tip) => this.#back(tip),
      changed: () => sink.changed(),
    });
  }

  /** Seq of the last event that was seen. */
  get tip(): number {
    return this.live?.seq ?? 0;
  }

  /** Milliseconds since 1970 by the server's clock. */
  now(): number {
    return this.link.now();
  }

  start(): void {
    void this.#join();
  }

  /** Tries at once what is waited for. */
  retry(): void {
    if (this.#retry !== undefined) void this.#join();
    else this.link.retry();
  }

  /** Goes on as somebody else. */
  as(viewer: Viewer): void {
    this.link.as(viewer, this.live === null ? null : this.#cursor(this.tip));
  }

  close(): void {
    this.#stop.abort();
    this.link.stop();
    clearTimeout(this.#retry);
  }

  async #join(): Promise<void> {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#forget();
    try {
      const state = await this.states.now(signal);
      this.#pauseMs = PAUSE_MS;
      this.#epoch = state?.epoch ?? null;
      if (state === null) {
        const fold = await this.states.empty();
        signal.throwIfAborted();
        this.#begin(fold);
        return this.link.start('');
      }
      this.sink.overview(state, new RunView(this.states.provisional(state), this.facts));
      this.facts.clear();
      const seq = seqIn(state);
      this.link.start(this.#cursor(seq));
      if (seq > FEW_EVENTS) void this.#recall(seq, state, signal);
      const fold = await this.states.fold(state, signal, (event, after) => {
        this.#saw(event, after);
        this.checkpoints.offer(after);
      });
      signal.throwIfAborted();
      this.#begin(fold);
    } catch (error) {
      if (!signal.aborted) this.#failed(error as Error);
    }
  }

  #failed(error: Error): void {
    const refusal = error instanceof ApiError ? error : null;
    if (refusal !== null && !refusal.passing) {
      return this.link.refuse(refusal.detail || refusal.message, CLOSE_CODES[refusal.status] ?? null);
    }
    const pause = Math.round(Math.max(refusal?.retryAfterMs ?? 0, this.#pauseMs * (0.5 + Math.random() / 2)));
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
    this.link.stop();
    this.link.unreachable(error.message, pause);
    this.#retry = setTimeout(() => void this.#join(), pause);
  }

  #forget(): void {
    this.live = null;
    this.#waiting = [];
    this.#isStopped = false;
    this.#recalled = [];
    this.#lastTime = 0;
    this.steered = new Steered();
    this.columns.clear();
    this.bins.clear();
    this.facts.clear();
    this.checkpoints.clear();
  }

  #begin(fold: RunFold): void {
    const live = new RunView(fold, this.facts, this.steered);
    this.live = live;
    this.checkpoints.offer(fold);
    this.isTimelineChanged = true;
    this.sink.began();
    const waited = this.#waiting.splice(0);
    for (const event of waited) if (event.seq === live.seq + 1) this.#apply(event);
    if (this.#isStopped || (waited.at(-1)?.seq ?? 0) > live.seq) this.link.start(this.#cursor(this.tip));
    this.#isStopped = false;
    this.#remember();
  }

  /** What is told later of events that were not seen: the timeline, when tests began and failed. */
  async #recall(seq: number, state: Overview, signal: AbortSignal): Promise<void> {
    const told = await Promise.allSettled([
      serverTimeline(this, state, signal),
      lastEvents(this, seq, signal),
      lastSteered(this, seq, signal),
      expired(this, signal),
    ]);
    if (signal.aborted) return;
    this.#recalled = told.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    this.#remember();
  }

  /** Puts what was told into what is known, when the fold is there. */
  #remember(): void {
    const { live } = this;
    if (live === null) return;
    for (const remember of this.#recalled.splice(0)) for (const key of remember(live.fold)) live.touch(key);
    this.isTimelineChanged = true;
    this.sink.changed();
  }

  #event(event: RunEvent): void {
    const { live } = this;
    if (live !== null) {
      if (event.seq === live.seq + 1) this.#apply(event);
      // Some are missing: the connection begins again where the run as it is known ends.
      else if (event.seq > live.seq + 1) this.link.start(this.#cursor(live.seq));
      return;
    }
    this.#waiting.push(event);
    if (this.#waiting.length < MAX_WAITING) return;
    this.#waiting = [];
    this.#isStopped = true;
    this.link.stop();
  }

  #apply(event: RunEvent): void {
    const live = this.live as RunView;
    const { epoch } = this.link;
    if (epoch !== null && epoch !== this.#epoch) live.fold.setEpoch((this.#epoch = epoch));
    live.apply(event);
    this.#saw(event, live.fold);
    this.history.pages.push(event);
    this.checkpoints.offer(live.fold);
    this.sink.applied(event);
  }

  /** Keeps what is kept of every event. `fold`: the run after it. */
  #saw(event: RunEvent, fold: RunFold): void {
    const key = fold.keyOf(event);
    const told = timeOf(event['at']) ?? timeOf(event['timestamp']) ?? this.#lastTime;
    this.#lastTime = Math.max(this.#lastTime, this.#lastTime === 0 ? told : Math.min(told, this.now()));
    this.columns.push(event.seq, event.type, key, this.#lastTime);
    if (key !== null) this.facts.take(key, event);
    this.steered.take(event);
    this.bins.add(event.seq, this.#lastTime);
    const mark = markOf(event, this.#lastTime, fold);
    if (mark !== null) this.bins.mark(mark);
    this.isTimelineChanged = true;
  }

  /** The connection stands again, and there is more than before. */
  #back(tip: number): void {
    const from = this.tip + 1;
    const events = tip - this.tip;
    if (this.live === null || events <= 0) return;
    this.dividers.set(from, `${events.toLocaleString('en')} ${events === 1 ? 'event' : 'events'} arrived meanwhile`);
    this.sink.said({ kind: 'missed', events, from }, false);
  }

  /** Events have expired before they came. */
  #gap(from: number, to: number): void {
    this.history.firstAvailable = Math.max(this.history.firstAvailable, to + 1);
    const isVoid = this.live !== null && this.tip > 0;
    this.sink.said({ kind: 'gap', from, to }, isVoid);
    if (isVoid) this.#anew(from);
  }

  /** The store has lost writes. */
  #reset(from: number): void {
    this.sink.said({ kind: 'reset', from }, true);
    this.#anew(from);
    this.dividers.set(from, 'The store lost its last writes: what stood here was taken back');
  }

  /** The run is read anew. */
  #anew(from: number): void {
    this.link.stop();
    this.history.dropFrom(from);
    this.dividers.clear();
    void this.#join();
  }

  #cursor(seq: number): string {
    return this.#epoch ? `${this.#epoch}:${seq}` : String(seq);
  }
}
