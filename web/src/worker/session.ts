/** The worker of a run's page: connection, fold, and what is told of them. */
import { ApiError, connect, type Runcast } from '@runcast/client';

import type { FromWorker, Look, Notice, ToWorker } from '../model.js';
import { Artifacts } from './artifacts.js';
import { Calls } from './calls.js';
import { Checkpoints } from './checkpoints.js';
import { Columns } from './columns.js';
import { DetailFeed } from './detail-feed.js';
import { TestFacts } from './facts.js';
import type { RunFold } from './fold.js';
import { Frames } from './frames.js';
import { emptyState, headOf } from './head.js';
import { EventHistory } from './history.js';
import { Http } from './http.js';
import { Link } from './link.js';
import { Log } from './log.js';
import { RunSource, TestSource } from './log-source.js';
import { emptyFold } from './make-fold.js';
import { markOf } from './marks.js';
import { Moments } from './moments.js';
import { Outbox } from './outbox.js';
import { keyOf, partsOf, type RunEvent, timeOf } from './read.js';
import { momentRun } from './session-moments.js';
import { type Overview, seqIn, States } from './states.js';
import { recall, serverTimeline } from './session-start.js';
import { Bins } from './timeline.js';
import { RunView } from './view.js';

/** Between two messages to the page, in milliseconds: while it is seen, and while it is hidden. */
const TELL_MS = 100;
const TELL_HIDDEN_MS = 1_000;
/** Raw events that are kept, in bytes. */
const PAGES = 24 * 1024 * 1024;
const PAGES_OF_PHONE = 8 * 1024 * 1024;
/** Events that wait for the fold; when there are more, the connection waits. */
const MAX_WAITING = 20_000;
/** Before the run is asked for again when there was no answer, in milliseconds: at most. */
const MAX_PAUSE_MS = 5_000;
/** Between two looks at who watches, in milliseconds: at least, and for each viewer. */
const VIEWERS_MS = 15_000;
const PER_VIEWER_MS = 10;

type Post = (message: FromWorker, transfer?: Transferable[]) => void;

export class Session {
  readonly http: Http;
  readonly history: EventHistory;
  readonly states: States;
  readonly facts = new TestFacts();
  readonly columns = new Columns();
  readonly bins = new Bins();
  readonly checkpoints = new Checkpoints();
  readonly #outbox: Outbox;
  readonly #frames: Frames;
  readonly #artifacts: Artifacts;
  readonly #log: Log;
  readonly #detail: DetailFeed;
  readonly #moments: Moments;
  readonly #calls: Calls;
  readonly #link: Link;
  readonly #dividers = new Map<number, string>();
  #live: RunView | null = null;
  #past: RunView | null = null;
  /** Events that came before the fold was there. */
  #waiting: RunEvent[] = [];
  /** Where the connection goes on when the fold is there; null: it goes on already. */
  #resumeAt: string | null = null;
  #epoch: string | null = null;
  #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isVisible = true;
  #look: Look = { screen: 'auto' };
  #lastTime = 0;
  #isTimelineChanged = false;
  #viewers: number | null = null;
  #notices: Notice[] = [];
  #isClosed = false;
  #rejoin: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = 250;
  readonly #closing = new AbortController();
  #viewersTimer: ReturnType<typeof setTimeout> | undefined;
  #user: string;

  constructor(
    private readonly open: Extract<ToWorker, { type: 'open' }>,
    private readonly post: Post,
  ) {
    const { baseUrl, runId, phone } = open;
    this.#user = open.user;
    this.http = new Http(baseUrl, runId);
    this.history = new EventHistory(this.http, phone ? PAGES_OF_PHONE : PAGES, () => this.tip);
    this.states = new States(this.http, this.history, runId);
    this.#outbox = new Outbox(post);
    this.#link = new Link(this.#client(), runId, {
      event: (event) => this.#event(event),
      gap: (from, to) => this.#void({ kind: 'gap', from, to }),
      reset: (from) => this.#void({ kind: 'reset', from }),
      frame: (frame) => this.#frames.take(frame),
      back: (tip) => this.#back(tip),
      changed: () => this.touch(),
    });
    this.#frames = new Frames(post, () => this.now());
    this.#artifacts = new Artifacts(this.http);
    const context = {
      keyOf: (event: RunEvent) => this.shown?.fold.keyOf(event) ?? null,
      named: (key: string) => this.#named(key),
      slotLabel: (key: string, attempt: number | null) => {
        const place = this.shown?.placeOf(key, attempt);
        return place == null ? null : (this.shown?.slots.label(place.producer, place.slot) ?? null);
      },
      touch: () => this.touch(),
    };
    const until = () => this.shown?.seq ?? 0;
    this.#log = new Log({
      ...context, until, firstAvailable: () => this.history.firstAvailable, dividers: this.#dividers,
      placeOf: (key, attempt) => this.shown?.placeOf(key, attempt) ?? null,
      source: (scope) => scope.of === 'test'
        ? new TestSource(this.http, this.history, partsOf(scope.key)) : new RunSource(this.history),
    });
    this.#detail = new DetailFeed(this.http, this.history, {
      ...context, until, isOver: () => this.shown?.isOver ?? false,
      labelOf: (producer, slot) => this.shown?.slots.label(producer, slot) ?? String(slot),
    });
    this.#calls = new Calls(this.#client(), runId, this.http, this.history, {
      ...context, timeOf: (seq) => this.columns.time(seq),
    });
    this.#moments = new Moments(momentRun(this, (fold) => this.#show(fold)));
  }

  /** Seq of the last event that was seen. */
  get tip(): number {
    return this.#live?.seq ?? 0;
  }

  /** The run as the page shows it. */
  get shown(): RunView | null {
    return this.#past ?? this.#live;
  }

  /** The fold of all events that were seen. */
  get liveFold(): RunFold | null {
    return this.#live?.fold ?? null;
  }

  now(): number {
    return this.#link.now();
  }

  /** Begins. */
  start(): void {
    void this.#join();
    void this.#askWhoWatches();
    void this.#artifacts.list(this.#closing.signal).then(() => this.touch(), () => {});
  }

  /** Takes what the page asks for. */
  take(message: ToWorker): void {
    switch (message.type) {
      case 'name':
        this.#user = message.user;
        this.#calls.as(this.#client());
        break;
      case 'look':
        this.#look = message.look;
        this.#lookNow();
        break;
      case 'test':
        this.#detail.open(message.key);
        break;
      case 'log':
        if (this.#live === null) this.#chosen = message;
        else this.#log.open(message.log, message.scope, message.seq);
        break;
      case 'more-log':
        this.#log.more(message.log, message.side);
        break;
      case 'moment':
        this.#moments.go(message.to);
        break;
      case 'visible':
        this.#isVisible = message.visible;
        this.#lookNow();
        if (message.visible) {
          if (this.#rejoin !== undefined) void this.#join();
          else this.#link.retry();
          this.#flush();
        }
        break;
      case 'call':
        void this.#call(message.id, message.method, message.params);
    }
    this.touch();
  }

  /** Ends everything. */
  close(): void {
    this.#isClosed = true;
    this.#closing.abort();
    this.#stop.abort();
    this.#link.stop();
    if (this.#timer !== null) clearTimeout(this.#timer);
    clearTimeout(this.#viewersTimer);
    clearTimeout(this.#rejoin);
  }

  /** Something is to be told soon. */
  touch(): void {
    if (this.#isClosed) return;
    this.#timer ??= setTimeout(() => this.#flush(), this.#isVisible ? TELL_MS : TELL_HIDDEN_MS);
  }

  /** The log that was chosen before there was a run to show. */
  #chosen: Extract<ToWorker, { type: 'log' }> | null = null;

  #client(): Runcast {
    const { baseUrl, clientId } = this.open;
    return connect({ url: baseUrl, clientId, ...(this.#user !== '' && { user: this.#user }) });
  }

  async #join(): Promise<void> {
    clearTimeout(this.#rejoin);
    this.#rejoin = undefined;
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.columns.clear();
    this.bins.clear();
    this.facts.clear();
    this.checkpoints.clear();
    this.#lastTime = 0;
    try {
      const state = await this.states.now(signal);
      this.#pauseMs = 250;
      if (state === null) {
        this.#begin(emptyFold(this.open.runId));
        this.#epoch = null;
        return this.#link.start('');
      }
      const seq = seqIn(state);
      this.#epoch = state.epoch ?? null;
      this.#overview(state);
      this.#resumeAt = null;
      this.#link.start(this.#cursor(seq));
      const bins = serverTimeline(this, state, signal);
      const fold = await this.states.fold(state, signal, (event, after) => {
        this.saw(event, after);
        this.checkpoints.offer(after);
      });
      await bins;
      signal.throwIfAborted();
      if (this.columns.length === 0) await recall(this, fold, signal).catch(() => {});
      signal.throwIfAborted();
      this.#begin(fold);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && !error.passing) {
        const code = { 401: 4401, 403: 4403, 410: 4410 }[error.status];
        return this.#link.refuse(error.detail || error.message, code ?? null);
      }
      const least = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
      const pause = Math.round(Math.max(least, this.#pauseMs * (0.5 + Math.random() / 2)));
      this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
      this.#link.unreachable((error as Error).message, pause);
      this.#rejoin = setTimeout(() => void this.#join(), pause);
    }
  }

  /** Shows what the server says while the fold is on its way. */
  #overview(state: Overview): void {
    const fold = this.states.provisional(state);
    const view = new RunView(fold, this.facts);
    this.#outbox.head(view.head(this.#headFacts()));
    this.#outbox.first(state.tests.flatMap((test) => view.row(keyOf(test.variant ?? null, test.testId)) ?? []));
    this.facts.clear();
  }

  #begin(fold: RunFold): void {
    this.#live = new RunView(fold, this.facts);
    this.checkpoints.offer(fold);
    this.#outbox.all(this.#live);
    for (const event of this.#waiting.splice(0)) if (event.seq > fold.seq) this.#apply(event);
    if (this.#resumeAt !== null) this.#link.start(this.#cursor(this.tip));
    this.#resumeAt = null;
    this.#isTimelineChanged = true;
    const { at } = this.open;
    if (this.#chosen !== null) this.#log.open(this.#chosen.log, this.#chosen.scope, this.#chosen.seq);
    else this.#log.reload();
    this.#chosen = null;
    this.#detail.reload();
    if (at !== null && this.#isFirst) this.#moments.go({ seq: at });
    else this.#moments.again();
    this.#isFirst = false;
    this.#flush();
  }

  #isFirst = true;

  #event(event: RunEvent): void {
    const live = this.#live;
    if (live !== null && event.seq === live.seq + 1) return this.#apply(event);
    if (live !== null) return;
    this.#waiting.push(event);
    if (this.#waiting.length < MAX_WAITING) return;
    this.#waiting = [];
    this.#resumeAt = '';
    this.#link.stop();
  }

  #apply(event: RunEvent): void {
    const live = this.#live as RunView;
    live.apply(event);
    this.saw(event, live.fold);
    this.history.pages.push(event);
    this.#artifacts.take(event);
    this.checkpoints.offer(live.fold);
    if (this.#past === null) this.#log.take(event);
    this.#detail.take(event, this.#past === null);
    this.touch();
  }

  /** What is kept of every event. `fold`: the run after it. */
  saw(event: RunEvent, fold: RunFold): void {
    const key = fold.keyOf(event);
    const told = timeOf(event['at']) ?? timeOf(event['timestamp']) ?? this.#lastTime;
    this.#lastTime = Math.max(this.#lastTime, this.#lastTime === 0 ? told : Math.min(told, this.now()));
    this.columns.push(event.seq, event.type, key, this.#lastTime);
    if (key !== null) this.facts.take(key, event);
    this.bins.add(event.seq, this.#lastTime);
    const mark = markOf(event, this.#lastTime, fold);
    if (mark !== null) this.bins.mark(mark);
    this.#isTimelineChanged = true;
  }

  /** The connection stands again. */
  #back(tip: number): void {
    const events = tip - this.tip;
    if (this.#live === null || events <= 0) return;
    this.#dividers.set(this.tip + 1, `${events.toLocaleString('en')} ${events === 1 ? 'event' : 'events'} arrived meanwhile`);
    this.#notices.push({ kind: 'missed', events, from: this.tip + 1 });
    this.touch();
  }

  /** Events are void, or will not come: the run is read anew. */
  #void(notice: Notice): void {
    this.#notices.push(notice);
    const from = notice.from;
    if (notice.kind === 'gap') this.history.firstAvailable = Math.max(this.history.firstAvailable, notice.to + 1);
    if (this.#live === null && notice.kind === 'gap') return this.touch();
    this.#link.stop();
    this.history.dropFrom(from);
    this.#dividers.clear();
    if (notice.kind === 'reset') this.#dividers.set(from, 'The store lost its last writes: what stood here was taken back');
    this.#live = null;
    this.#past = null;
    this.#waiting = [];
    void this.#join();
    this.touch();
  }

  #show(fold: RunFold | null): void {
    this.#past = fold === null ? null : new RunView(fold, this.facts);
    const view = this.shown;
    if (view === null) return;
    if (fold === null) view.takeChanged();
    this.#outbox.all(view);
    this.#log.reload();
    this.#detail.rewind();
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#outbox.connection(this.#link.connection(this.tip));
    for (const notice of this.#notices.splice(0)) this.post({ type: 'notice', notice });
    const moment = this.#moments.change();
    if (moment !== null) this.post({ type: 'moment', moment });
    const view = this.shown;
    if (view === null) return;
    if (this.#past === null) this.#outbox.changed(view, view.takeChanged());
    this.#outbox.head(this.#head(view));
    const detail = this.#detail.change();
    if (detail !== null) this.post(detail);
    const change = this.#log.change();
    if (change !== null) this.post({ type: 'log', change });
    const artifacts = this.#artifacts.change();
    if (artifacts !== null) this.post(artifacts);
    if (this.#isTimelineChanged && !this.bins.isEmpty) this.post({ type: 'timeline', timeline: this.bins.timeline });
    this.#isTimelineChanged = false;
  }

  #head(view: RunView) {
    const facts = this.#headFacts();
    if (this.#past === null) {
      if (view.seq === 0) return headOf(emptyState(this.open.runId), { ...facts, seq: 0, slots: view.slots, leftMs: null, holds: false, keyOf: () => null });
      return view.head(facts);
    }
    const now = timeOf(view.fold.state().lastEventAt) ?? facts.now;
    return { ...view.head({ ...facts, now }), ticking: false };
  }

  #headFacts() {
    const { clientId } = this.open;
    return {
      now: this.now(), viewers: this.#viewers, firstAvailable: this.history.firstAvailable,
      isMe: (subject: string, lease: string | null) =>
        (lease !== null && lease === this.#calls.lease) || subject === (this.#user !== '' ? this.#user : `anon:${clientId}`),
    };
  }

  #named(key: string): { title: string; project: string | null } | null {
    const test = this.shown?.fold.test(key);
    if (test === undefined) return null;
    return { title: test.title ?? test.testId, project: test.project ?? null };
  }

  #cursor(seq: number): string {
    return this.#epoch ? `${this.#epoch}:${seq}` : String(seq);
  }

  #lookNow(): void {
    this.#frames.isWanted = this.#isVisible && this.#look.screen !== false;
    this.#link.look(this.#frames.isWanted ? this.#look : { ...this.#look, screen: false });
  }

  async #call(id: number, method: string, params: unknown): Promise<void> {
    try {
      this.post({ type: 'answer', id, value: await this.#calls.answer(method, params) });
    } catch (error) {
      const { code = 'unreachable', detail, members = {} } = error as Partial<ApiError>;
      this.post({ type: 'refusal', id, code, detail: detail || (error as Error).message, members: { ...members } });
    }
  }

  async #askWhoWatches(): Promise<void> {
    let pause = VIEWERS_MS;
    if (this.#isVisible) {
      try {
        const { viewers } = await this.http.json<{ viewers: number | null }>('/viewers');
        this.#viewers = viewers;
        pause = Math.max(VIEWERS_MS, (viewers ?? 0) * PER_VIEWER_MS);
        this.touch();
      } catch {
        // No run yet, or no server: the next time.
      }
    }
    if (!this.#isClosed) this.#viewersTimer = setTimeout(() => void this.#askWhoWatches(), pause);
  }
}
