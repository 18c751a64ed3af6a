import { call, type Context, runPath } from './context.js';
import { ApiError } from './errors.js';
import type { Link, LinkEvents } from './link.js';
import type { EventPage } from './messages.js';
import type { Position } from './position.js';
import type { RunEvent } from './types.js';

/** How long a page waits for an event, in seconds. */
const WAIT_SECS = 25;
const LIMIT = 5_000;

/** A link that asks for one page after the other: for networks that let no WebSocket through. It shows no screens. */
export class PollLink implements Link {
  readonly kind = 'polling';
  readonly canPause = true;
  readonly base: string;
  readonly #stop = new AbortController();
  #paused: Promise<void> | undefined;
  #resume: (() => void) | undefined;

  constructor(
    private readonly context: Context,
    private readonly runId: string,
    private readonly position: Position,
    private readonly events: LinkEvents,
  ) {
    this.base = context.baseUrls.current;
    void this.#loop();
  }

  pause(): void {
    this.#paused ??= new Promise((resolve) => (this.#resume = resolve));
  }

  resume(): void {
    this.#resume?.();
    this.#paused = undefined;
    this.#resume = undefined;
  }

  send(): void {}

  probe(): void {}

  close(): void {
    this.#stop.abort();
    this.resume();
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stop;
    let wait = 0; // the first page says at once whether this works
    try {
      while (!signal.aborted) {
        const query = new URLSearchParams({ after: this.position.after, limit: String(LIMIT), wait: String(wait) });
        const path = `${runPath(this.runId)}/events?${query}`;
        const answer = await call(this.context, { method: 'GET', path, signal, timeoutMs: 60_000 });
        const bytes = await answer.bytes();
        if (signal.aborted) return;
        const page = JSON.parse(new TextDecoder().decode(bytes)) as EventPage<RunEvent>;
        this.#tell(page, this.position.after, bytes.length);
        if (signal.aborted) return;
        if (page.tip > 0 && page.firstAvailable > page.tip) {
          // All of it has expired: a WebSocket would be closed so.
          return this.events.ended(this, { closeCode: 4410, reason: 'the run is gone' });
        }
        wait = page.more ? 0 : WAIT_SECS;
        await this.#paused;
      }
    } catch (error) {
      if (signal.aborted) return;
      const failure = error as Error;
      const atLeastMs = failure instanceof ApiError ? failure.retryAfterMs : undefined;
      this.events.ended(this, atLeastMs === undefined ? { failure } : { failure, atLeastMs });
    }
  }

  /** Tells a page in the messages that a WebSocket would bring. */
  #tell(page: EventPage<RunEvent>, after: string, bytes: number): void {
    const { epoch, events, cursor, tip, gap, reset } = page;
    const at = (seq: number) => (epoch === null ? String(seq) : `${epoch}:${seq}`);
    const first = events[0]?.seq;
    const stood = reset !== null ? after : gap !== null ? at(gap.from - 1) : first === undefined ? cursor : at(first - 1);
    const from = first ?? tip + 1;
    this.events.connected(this, {
      type: 'connected', runId: this.runId, sessionId: '', nodeId: '', epoch, from, tip, cursor: stood, heartbeatSecs: WAIT_SECS,
    });
    if (reset !== null) this.events.moved(this, { type: 'reset', epoch, from: reset.from, cursor: at(reset.from - 1) });
    if (gap !== null) this.events.moved(this, { type: 'gap', ...gap, reason: 'expired', cursor: at(gap.to) });
    const each = Math.ceil(bytes / Math.max(1, events.length));
    for (const event of events) {
      if (this.#stop.signal.aborted) return;
      this.events.event(this, event, each);
    }
  }
}
