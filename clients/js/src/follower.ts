import { Backoff } from './backoff.js';
import { callJson, type Context, runPath } from './context.js';
import { ApiError, ClosedError } from './errors.js';
import { CLOSE_CODES } from './generated/index.js';
import type { Link, LinkEnd, LinkEvents } from './link.js';
import type { ConnectedMessage, EpochMessage, EventPage, GapMessage, ResetMessage } from './messages.js';
import { PollLink } from './poll-link.js';
import { Position, type Verdict } from './position.js';
import { isReachable } from './reachable.js';
import type { ScreenFrame } from './screen-frame.js';
import type { OpenSocket } from './socket.js';
import { SocketLink } from './socket-link.js';
import { TransportError } from './transport.js';
import type { RunEvent, WatchStatus } from './types.js';
import { onWake } from './wake.js';

/** A link that stood for this long, in milliseconds, makes the next pause a short one again. */
const STEADY_MS = 30_000;
/** A link that stood for less than this did not. */
const BRIEF_MS = 1_000;
/** Two warnings whose ends are no further apart, in milliseconds, are about the same end: they are told in whole seconds. */
const SAME_END_MS = 2_000;
/** Upgrades that failed in a row while the server answered other requests, after which pages are tried. */
const REFUSED_UPGRADES = 2;
/** When a WebSocket is tried again while pages are asked for, in milliseconds: soon the first time, then seldom. */
const RETRY_UPGRADE_MS = [1_000, 60_000] as const;

/** What a follower needs. */
export interface FollowContext extends Context {
  readonly openSocket: OpenSocket;
}

/** Takes what a follower has found: each event once, in order. */
export interface FollowSink {
  event(event: RunEvent, bytes: number, cursor: string): void;
  gap(message: GapMessage): void;
  reset(message: ResetMessage): void;
  frame(frame: ScreenFrame): void;
  /** A connection stands. */
  connected(message: ConnectedMessage): void;
  status(status: WatchStatus, why: { error?: Error; retryInMs?: number; closeCode?: number }): void;
  /** The last call. Without an error: the run is sealed. */
  ended(error?: Error): void;
  /** Whether no more can be taken now. */
  full(): boolean;
}

/** Keeps a link to the log of a run, whatever happens to nodes and networks. */
export class Follower implements LinkEvents {
  readonly position: Position;
  readonly #backoff = new Backoff();
  /** Whose messages are told. */
  #link: Link | undefined;
  /** Opened while `#link` still stands, or while there is none. */
  #next: Link | undefined;
  /** Since when `#link` stands; undefined until it is connected. */
  #since: number | undefined;
  /** When the rights end of which the server has warned. */
  #expires: number | undefined;
  /** Opens the next link. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #refusedUpgrades = 0;
  /** How often a WebSocket was tried again while pages were asked for. */
  #retriedUpgrades = 0;
  /** Nothing is read, because the sink is full. */
  #parked = false;
  #over = false;
  #sealAsked = false;
  /** The tokens that WebSockets were opened with. */
  readonly #tokens = new WeakMap<Link, string | undefined>();
  /** The token for the next WebSocket is being fetched. */
  #isFetching = false;
  /** Another token was asked for since a connection stood. */
  #isRenewed = false;
  /** The screens that the last WebSocket was opened with. */
  #screens = '';
  readonly #forget: () => void;

  /** `screen`: the query of the WebSocket that says which screens are wanted. It is asked for at each connection. */
  constructor(
    private readonly context: FollowContext,
    private readonly runId: string,
    after: string,
    private readonly screen: () => Record<string, string>,
    private readonly sink: FollowSink,
  ) {
    this.position = new Position(after);
    this.#forget = onWake(() => this.wake());
    void this.#open();
  }

  /** Ends without a word. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#forget();
    clearTimeout(this.#timer);
    this.#link?.close();
    this.#next?.close();
  }

  /** The sink can take more again. */
  drained(): void {
    if (!this.#parked || this.#over) return;
    this.#parked = false;
    if (this.#link !== undefined) this.#link.resume();
    else if (this.#next === undefined && this.#timer === undefined) void this.#open();
  }

  /** Other screens are wanted: tells the server, unless there is no WebSocket. The next one asks for them. */
  look(): void {
    const { screen: of, ...numbers } = this.screen();
    const asNumbers = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)]));
    this.#link?.send({ type: 'screen', of, ...asNumbers });
  }

  connected(link: Link, message: ConnectedMessage): void {
    if (link === this.#next) {
      const before = this.#link;
      this.#link = link;
      this.#next = undefined;
      before?.close();
      this.#since = Date.now();
      this.#isRenewed = false;
      if (link.kind === 'websocket') {
        this.#refusedUpgrades = 0;
        this.#retriedUpgrades = 0;
      } else {
        this.#later(RETRY_UPGRADE_MS[Math.min(this.#retriedUpgrades, 1)] as number);
        this.#retriedUpgrades += 1;
      }
      if (this.#parked) this.#pause();
    }
    if (link !== this.#link || !this.#accept(this.position.connected(message))) return;
    // Others were chosen while it was being opened.
    if (link.kind === 'websocket' && JSON.stringify(this.screen()) !== this.#screens) this.look();
    this.sink.connected(message);
    this.#tellStatus();
    if (message.from > message.tip && message.tip > 0) void this.#askWhetherSealed(message.tip);
  }

  event(link: Link, event: RunEvent, bytes: number): void {
    if (link !== this.#link) return;
    const verdict = this.position.event(event.seq);
    if (!this.#accept(verdict) || verdict === 'known') return;
    this.sink.event(event, bytes, this.position.cursor as string);
    if (event.type === 'sealed') return this.#end();
    if (event.seq === this.position.tip) this.#tellStatus();
    if (!this.#parked && this.sink.full()) this.#pause();
  }

  moved(link: Link, message: GapMessage | ResetMessage | EpochMessage): void {
    if (link !== this.#link) return;
    if (message.type === 'epoch') return void this.#accept(this.position.epoch(message));
    const before = this.position.seq;
    const verdict = message.type === 'gap' ? this.position.gap(message) : this.position.reset(message);
    if (!this.#accept(verdict) || verdict === 'known') return;
    if (message.type === 'reset') this.sink.reset(message);
    else this.sink.gap({ ...message, from: Math.max(message.from, (before ?? 0) + 1) });
    this.#tellStatus();
  }

  frame(link: Link, frame: ScreenFrame): void {
    if (link === this.#link) this.sink.frame(frame);
  }

  draining(link: Link, afterMs: number): void {
    if (link !== this.#link) return;
    this.context.baseUrls.leave(link.base);
    // A node that drains from the first moment on is not come back to faster and faster.
    this.#later(this.#began() ? this.#backoff.next(afterMs) : afterMs);
  }

  /** Whether the link stands only now. */
  #began(): boolean {
    return this.#since === undefined || Date.now() - this.#since < BRIEF_MS;
  }

  expiring(link: Link, leftMs: number, afterMs: number): void {
    // A link that is being opened already may have the credential of before: it is told itself.
    if (link !== this.#link || this.#next !== undefined || this.#isFetching) return;
    const ends = Date.now() + leftMs;
    // The credential that was asked for is the one of before, or ends just as soon: another link would win nothing.
    if (this.#expires !== undefined && ends <= this.#expires + SAME_END_MS) return;
    this.#expires = ends;
    this.context.renew?.();
    if (this.#timer === undefined) this.#later(this.#began() ? this.#backoff.next(afterMs) : afterMs);
  }

  ended(link: Link, end: LinkEnd): void {
    if (this.#over) return;
    if (link === this.#next && this.#link?.kind !== 'polling') {
      if (link.kind === 'polling') this.#refusedUpgrades = 0;
      else if (isUpgradeRefused(end)) this.#refusedUpgrades = REFUSED_UPGRADES;
      else if (isUpgradeBroken(end)) void this.#countBroken(link);
    }
    if (link === this.#next) {
      this.#next = undefined;
      this.context.baseUrls.leave(link.base);
      if (this.#link !== undefined) {
        this.#renews(link, end);
        return this.#later(this.#pauseBefore(end));
      }
    } else if (link === this.#link) {
      this.#link = undefined;
      if (this.#since !== undefined && Date.now() - this.#since >= STEADY_MS) this.#backoff.reset();
      this.#since = undefined;
      // Whatever was refused meanwhile was for the next one.
      this.#isRenewed = false;
      // The next one may have another token: it says how things are.
      if (this.#next !== undefined || this.#isFetching) return this.sink.status('reconnecting', why(end));
    } else {
      return;
    }
    if (end.closeCode === 1000) return this.#end();
    const final = this.#renews(link, end) ? undefined : finalError(link, end);
    if (final !== undefined) return this.#end(final);
    this.#retry(end);
  }

  /** A server that was killed breaks the handshake too: it counts if another request gets through at the same time. */
  async #countBroken(link: Link): Promise<void> {
    const path = `${runPath(this.runId)}/events?after=latest&limit=1`;
    const isThere = await isReachable(this.context, link.base, path, this.#tokens.get(link));
    if (isThere && this.#link === undefined) this.#refusedUpgrades += 1;
  }

  /** There is no link: the next one is opened after a pause. */
  #retry(end: LinkEnd): void {
    const pauseMs = this.#pauseBefore(end);
    this.sink.status('reconnecting', { ...why(end), retryInMs: Math.round(pauseMs) });
    if (!this.#parked) this.#later(pauseMs);
  }

  /** Whether the token was refused, or has ended, and another one can be tried: once, until a connection stands. */
  #renews(link: Link, { closeCode, failure }: LinkEnd): boolean {
    const isRefused = closeCode === 4401 || (failure instanceof ApiError && failure.status === 401 && isOurs(failure));
    if (!isRefused || this.#isRenewed || this.context.refuse?.(this.#tokens.get(link)) !== true) return false;
    this.#isRenewed = true;
    return true;
  }

  #pauseBefore(end: LinkEnd): number {
    if (this.#link?.kind === 'polling') {
      const pauseMs = RETRY_UPGRADE_MS[Math.min(this.#retriedUpgrades, 1)] as number;
      this.#retriedUpgrades += 1;
      return pauseMs;
    }
    return this.#backoff.next(end.atLeastMs);
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#open(), ms);
  }

  async #open(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#over || this.#next !== undefined || this.#isFetching) return;
    const polls = this.#refusedUpgrades >= REFUSED_UPGRADES && this.#link === undefined;
    if (polls) {
      this.#next = new PollLink(this.context, this.runId, this.position, this);
      return;
    }
    const base = this.context.baseUrls.current;
    let token: string | undefined;
    this.#isFetching = true;
    try {
      token = await this.context.token();
    } catch (error) {
      return this.#noToken(error as Error);
    } finally {
      this.#isFetching = false;
    }
    if (this.#over) return;
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const screens = this.screen();
    this.#screens = JSON.stringify(screens);
    const query = new URLSearchParams({
      ...(this.position.after === '' ? {} : { after: this.position.after }),
      // Who gives commands: an open socket of theirs is a sign of life for their lease.
      ...(this.context.user === undefined ? {} : { userId: this.context.user }),
      ...(this.context.clientId === undefined ? {} : { clientId: this.context.clientId }),
      ...screens,
    });
    const url = `${base.replace(/^http/, 'ws')}/ws/runs/${encodeURIComponent(this.runId)}?${query}`;
    try {
      this.#next = new SocketLink(this.context.openSocket, { url, headers }, base, this);
      this.#tokens.set(this.#next, token);
    } catch (error) {
      // A `WebSocket` that refuses the URL, by a content policy for instance, or that is not there.
      this.#refusedUpgrades = REFUSED_UPGRADES;
      const pauseMs = this.#backoff.next();
      this.sink.status('reconnecting', { error: error as Error, retryInMs: Math.round(pauseMs) });
      this.#later(pauseMs);
    }
  }

  /** There is no token for the next link. A link that stands goes on, and what may pass is tried again. */
  #noToken(failure: Error): void {
    if (this.#over) return;
    const end: LinkEnd = failure instanceof ApiError ? { failure, atLeastMs: failure.retryAfterMs ?? 0 } : { failure };
    if (this.#link !== undefined) return this.#later(this.#pauseBefore(end));
    if (failure instanceof ApiError && !failure.passing) return this.#end(failure);
    this.#retry(end);
  }

  /** The sink is full: the link waits, or is opened again later where it can't. */
  #pause(): void {
    this.#parked = true;
    if (this.#link === undefined) return;
    if (this.#link.canPause) return this.#link.pause();
    this.#link.close();
    this.#link = undefined;
    this.#since = undefined;
  }

  /** Whether the link may go on. If its place can't be reconciled with ours, it is opened again with our cursor. */
  #accept(verdict: Verdict): boolean {
    if (verdict !== 'resync') return true;
    this.#link?.close();
    this.#link = undefined;
    this.#since = undefined;
    const pauseMs = this.#backoff.next();
    this.sink.status('reconnecting', { retryInMs: Math.round(pauseMs) });
    if (this.#next === undefined) this.#later(pauseMs);
    return false;
  }

  #tellStatus(): void {
    if (this.#link?.kind === 'polling') return this.sink.status('polling', {});
    const { seq = 0, tip } = this.position;
    this.sink.status(seq >= tip ? 'live' : 'catching-up', {});
  }

  /** The network is back, or the page is seen again: what is waited for is tried now. */
  wake(): void {
    if (this.#over) return;
    if (this.#link !== undefined) return this.#link.probe();
    if (this.#next === undefined && this.#timer !== undefined) void this.#open();
  }

  /** A watch that begins behind the end of a sealed run gets no event that says so. */
  async #askWhetherSealed(tip: number): Promise<void> {
    if (this.#sealAsked) return;
    this.#sealAsked = true;
    const path = `${runPath(this.runId)}/events?after=${tip - 1}&limit=1`;
    try {
      const page = await callJson<EventPage<RunEvent>>(this.context, { method: 'GET', path });
      if (!this.#over && page.events[0]?.type === 'sealed' && this.position.seq === page.events[0].seq) this.#end();
    } catch {
      this.#sealAsked = false; // the next connection asks again
    }
  }

  #end(error?: Error): void {
    if (this.#over) return;
    this.close();
    this.sink.ended(error);
  }
}

function why({ failure, closeCode, reason }: LinkEnd): { error?: Error; closeCode?: number } {
  if (failure !== undefined) return { error: failure };
  const error = new Error(`the connection was closed: ${closeCode} ${reason ?? ''}`.trim());
  return closeCode === undefined ? { error } : { error, closeCode };
}

/** The error that ends a watch, if coming back is of no use. */
function finalError({ kind }: Link, { closeCode, reason, failure }: LinkEnd): Error | undefined {
  if (failure instanceof ApiError) {
    const { status } = failure;
    const meant = ({ 401: 4401, 403: 4403, 410: 4410 } as const)[status as 401];
    const known = CLOSE_CODES.find(({ code }) => code === meant);
    // What a proxy says of an upgrade is not the last word: pages may get through.
    if (failure.passing || (kind === 'websocket' && !isOurs(failure))) return undefined;
    return known === undefined ? failure : new ClosedError(known.code as number, known.reason, failure.detail);
  }
  const known = CLOSE_CODES.filter(({ code }) => code === closeCode);
  if (closeCode === undefined || known.length === 0 || !known.every(({ reconnect }) => reconnect === 'never')) return undefined;
  return new ClosedError(closeCode, (known[0] as (typeof CLOSE_CODES)[number]).reason, reason || 'the server closed the watch');
}

/** Whether something on the way has refused the upgrade, and not the server, nor a proxy because the server is away. */
function isUpgradeRefused({ failure }: LinkEnd): boolean {
  return failure instanceof ApiError && !isOurs(failure) && failure.status < 500;
}

/** Whether the handshake broke, of which it is not known why. */
function isUpgradeBroken({ failure }: LinkEnd): boolean {
  if (failure === undefined || failure instanceof ApiError) return false;
  return !(failure instanceof TransportError && (failure.failure === 'refused' || failure.failure === 'dns'));
}

/** Whether a refusal is the server's own, and not a proxy's. */
function isOurs({ code }: ApiError): boolean {
  return !code.startsWith('http_');
}
