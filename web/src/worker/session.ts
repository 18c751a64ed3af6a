/** The worker of a run's page: what the page asks for is done, and what has changed is told. */
import { type ApiError, Viewer } from '@runcast/client';

import type { FromWorker, Head, Look, Notice, ToWorker } from '../model.js';
import { Artifacts } from './artifacts.js';
import { Follow } from './follow.js';
import type { RunFold } from './fold.js';
import { Frames } from './frames.js';
import { type Later, loadLater } from './late.js';
import { Outbox } from './outbox.js';
import type { Parts, PartsSession } from './parts.js';
import { keyOf, type RunEvent, timeOf } from './read.js';
import { RunView } from './view.js';
import { Viewers } from './viewers.js';

/** Between two messages to the page, in milliseconds: while it is seen, and while it is hidden. */
const TELL_MS = 100;
const TELL_HIDDEN_MS = 1_000;
/** Raw events that are kept, in bytes. */
const PAGES = 24 * 1024 * 1024;
const PAGES_OF_PHONE = 8 * 1024 * 1024;

/** What the page asks of the parts that are loaded late. */
const OF_PARTS = new Set<ToWorker['type']>(['test', 'log', 'more-log', 'moment', 'call']);
/** Most of it that waits until they are there. */
const MAX_ASKED = 1_000;

type Of<T extends ToWorker['type']> = Extract<ToWorker, { type: T }>;

export class Session implements PartsSession {
  readonly run: Follow;
  readonly #outbox: Outbox;
  readonly #frames: Frames;
  readonly #artifacts: Artifacts;
  readonly #viewers: Viewers;
  readonly #closing = new AbortController();
  /** Null until they are loaded. */
  #parts: Parts | null = null;
  #loading: Promise<Later> | null = null;
  /** What was asked of the parts before they were there. */
  #asked: ToWorker[] = [];
  /** The moment of the past that is shown. */
  #past: RunView | null = null;
  /** The log that was chosen before there was a run to show. */
  #chosen: Of<'log'> | null = null;
  /** The moment that the page was opened at, until it is gone to. */
  #openAt: number | null;
  #user: string;
  /** Who this is to the server, where it knows that by a credential. */
  #subject: string | null = null;
  #look: Look = { screen: 'auto' };
  #isVisible = true;
  #notices: Notice[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly open: Of<'open'>,
    private readonly post: (message: FromWorker, transfer?: Transferable[]) => void,
  ) {
    const { baseUrl, runId, phone } = open;
    this.#user = open.user;
    this.#openAt = open.at;
    this.#outbox = new Outbox(post);
    this.#frames = new Frames(post, () => this.run.now());
    this.run = new Follow(
      { baseUrl, runId, viewer: this.#viewer(), pageBytes: phone ? PAGES_OF_PHONE : PAGES, later: () => this.#load() },
      {
        overview: (state, view) => {
          this.#outbox.head(view.head(this.#headFacts()));
          this.#outbox.first(state.tests.flatMap((test) => view.row(keyOf(test.variant ?? null, test.testId)) ?? []));
        },
        began: () => this.#began(),
        applied: (event) => this.#applied(event),
        said: (notice, isVoid) => {
          if (isVoid) this.#past = null;
          this.#notices.push(notice);
          this.touch();
        },
        frame: (frame) => this.#frames.take(frame),
        changed: () => this.touch(),
      },
    );
    const { http } = this.run;
    this.#artifacts = new Artifacts(http);
    this.#viewers = new Viewers(http, () => this.touch());
  }

  /** The run as the page shows it. */
  get shown(): RunView | null {
    return this.#past ?? this.run.live;
  }

  start(): void {
    this.run.start();
    this.#load().catch(() => {}); // whoever waits for it tries again
    this.#viewers.start();
    void this.#artifacts.list(this.#closing.signal).then(
      () => this.touch(),
      () => {},
    );
  }

  /** Takes what the page asks for. */
  take(message: ToWorker): void {
    const parts = this.#parts;
    if (parts === null && OF_PARTS.has(message.type)) return this.#wait(message);
    switch (message.type) {
      case 'name':
        if (message.user === this.#user) break;
        this.#user = message.user;
        parts?.calls.as(this.#viewer());
        // The connection is a sign of life of whoever has control: it goes on in the new name.
        this.run.as(this.#viewer());
        break;
      case 'me':
        this.#subject = message.subject;
        break;
      case 'look':
        this.#look = message.look;
        this.#lookNow();
        break;
      case 'test':
        parts?.detail.open(message.key);
        break;
      case 'log':
        if (this.run.live === null) this.#chosen = message;
        else parts?.log.open(message.log, message.scope, message.seq);
        break;
      case 'more-log':
        parts?.log.more(message.log, message.side);
        break;
      case 'moment':
        this.#openAt = null;
        parts?.moments.go(message.to);
        break;
      case 'visible':
        this.#isVisible = message.visible;
        this.#viewers.isVisible = message.visible;
        this.#lookNow();
        if (message.visible) this.retry();
        if (message.visible) this.#flush();
        break;
      case 'call':
        void this.#call(message.id, message.method, message.params);
    }
    this.touch();
  }

  /** The network may be back: tries at once. */
  retry(): void {
    this.run.retry();
  }

  /** Ends everything. */
  close(): void {
    this.#closing.abort();
    this.run.close();
    this.#viewers.close();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Something is to be told soon. */
  touch(): void {
    if (this.#closing.signal.aborted) return;
    this.#timer ??= setTimeout(() => this.#flush(), this.#isVisible ? TELL_MS : TELL_HIDDEN_MS);
  }

  #viewer(): Viewer {
    const { baseUrl, clientId, runId } = this.open;
    return new Viewer({ url: baseUrl, clientId, ...(this.#user !== '' && { user: this.#user }) }, runId);
  }

  /** Loads what is not needed to say how the run is. */
  #load(): Promise<Later> {
    this.#loading ??= loadLater().then(
      (later) => {
        this.#parts = new later.Parts(this, this.#viewer());
        for (const message of this.#asked.splice(0)) this.take(message);
        return later;
      },
      (error: Error) => {
        this.#loading = null;
        for (const message of this.#asked.splice(0)) {
          if (message.type === 'call') this.#refuse(message.id, error);
          else this.#asked.push(message);
        }
        throw error;
      },
    );
    return this.#loading;
  }

  /** The parts are not there yet. */
  #wait(message: ToWorker): void {
    if (this.#asked.length < MAX_ASKED) this.#asked.push(message);
    else if (message.type === 'call')
      this.#refuse(message.id, new Error('too much was asked while the page was loaded'));
    this.#load().catch(() => {}); // the last try may have failed, and nobody else may try again
  }

  #began(): void {
    const parts = this.#parts as Parts; // the fold came with them
    this.#outbox.all(this.run.live as RunView);
    if (this.#chosen !== null) parts.log.open(this.#chosen.log, this.#chosen.scope, this.#chosen.seq);
    else parts.log.reload();
    this.#chosen = null;
    parts.detail.reload();
    if (this.#openAt !== null) parts.moments.go({ seq: this.#openAt });
    else parts.moments.again();
    this.#openAt = null;
    this.#flush();
  }

  #applied(event: RunEvent): void {
    this.#artifacts.take(event);
    if (this.#past === null) this.#parts?.log.take(event);
    this.#parts?.detail.take(event, this.#past === null);
    this.touch();
  }

  /** Shows a moment of the past, or the run as it is now. */
  show(fold: RunFold | null): void {
    this.#past = fold === null ? null : new RunView(fold, this.run.facts);
    const view = this.shown;
    if (view === null) return;
    if (fold === null) view.takeChanged();
    this.#outbox.all(view);
    this.#parts?.log.reload();
    this.#parts?.detail.rewind();
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { run } = this;
    this.#outbox.connection(run.link.connection(run.tip));
    for (const notice of this.#notices.splice(0)) this.post({ type: 'notice', notice });
    const parts = this.#parts;
    const moment = parts?.moments.change() ?? null;
    if (moment !== null) this.post({ type: 'moment', moment });
    const view = this.shown;
    if (view === null || parts === null) return;
    if (this.#past === null) this.#outbox.changed(view, view.takeChanged());
    this.#outbox.head(this.#head(view));
    const detail = parts.detail.change();
    if (detail !== null) this.post(detail);
    const change = parts.log.change();
    if (change !== null) this.post({ type: 'log', change });
    const artifacts = this.#artifacts.change();
    if (artifacts !== null) this.post(artifacts);
    if (run.isTimelineChanged && !run.bins.isEmpty) this.post({ type: 'timeline', timeline: run.bins.timeline });
    run.isTimelineChanged = false;
  }

  #head(view: RunView): Head {
    const facts = this.#headFacts();
    if (this.#past === null) return view.head(facts);
    const now = timeOf(view.fold.state().lastEventAt) ?? facts.now;
    return { ...view.head({ ...facts, now }), ticking: false };
  }

  #headFacts() {
    const me = this.#subject ?? (this.#user !== '' ? this.#user : `anon:${this.open.clientId}`);
    return {
      now: this.run.now(),
      viewers: this.#viewers.count,
      firstAvailable: this.run.history.firstAvailable,
      isMe: (subject: string, lease: string | null) =>
        subject === me || (lease !== null && lease === this.#parts?.calls.lease),
    };
  }

  /** No screens come while nobody sees them. */
  #lookNow(): void {
    this.#frames.isWanted = this.#isVisible && this.#look.screen !== false;
    this.run.link.look(this.#frames.isWanted ? this.#look : { ...this.#look, screen: false });
  }

  async #call(id: number, method: string, params: unknown): Promise<void> {
    try {
      this.post({ type: 'answer', id, value: await this.#parts?.calls.answer(method, params) });
    } catch (error) {
      this.#refuse(id, error as Error);
    }
  }

  #refuse(id: number, error: Error): void {
    const { code = 'unreachable', detail, members = {} } = error as Partial<ApiError>;
    this.post({ type: 'refusal', id, code, detail: detail || error.message, members: { ...members } });
  }
}
