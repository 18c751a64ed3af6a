import { ApiError } from './errors.js';
import type { Link, LinkEnd, LinkEvents } from './link.js';
import type { ServerMessage } from './messages.js';
import { parseScreenFrame } from './screen-frame.js';
import type { OpenSocket, Socket, SocketOptions } from './socket.js';
import { TransportError } from './transport.js';
import type { RunEvent } from './types.js';

/** Longest time until the server has said `connected`. */
const CONNECTED_MS = 20_000;
/** Heartbeats without any sign of life after which a connection is dead. */
const DEAD_AFTER = 2.5;

/** A link over a WebSocket. It notices that its connection is dead. */
export class SocketLink implements Link {
  readonly kind = 'websocket';
  readonly #socket: Socket;
  readonly #events: LinkEvents;
  #connected = false;
  #over = false;
  #paused = false;
  #heartbeatMs = 0;
  #heardAt = Date.now();
  #checkedAt = Date.now();
  /** When an unanswered `ping` was sent. */
  #askedAt: number | undefined;
  #serverPings = false;
  #timer: ReturnType<typeof setTimeout> | ReturnType<typeof setInterval>;
  #atLeastMs: number | undefined;

  constructor(
    open: OpenSocket,
    options: SocketOptions,
    readonly base: string,
    events: LinkEvents,
  ) {
    this.#events = events;
    this.#timer = setTimeout(() => this.#dead('the server does not greet'), CONNECTED_MS);
    this.#socket = open(options, {
      text: (data) => this.#text(data),
      binary: (data) => {
        this.#heard();
        const frame = parseScreenFrame(data);
        if (frame !== undefined && this.#connected) this.#events.frame(this, frame);
      },
      pinged: () => {
        this.#serverPings = true;
        this.#heard();
      },
      closed: (code, reason, failure) => {
        const end: LinkEnd = failure === undefined ? { closeCode: code, reason } : { failure };
        const atLeastMs = this.#atLeastMs ?? (failure instanceof ApiError ? failure.retryAfterMs : undefined);
        this.#end(atLeastMs === undefined ? end : { ...end, atLeastMs });
      },
    });
  }

  get canPause(): boolean {
    return this.#socket.canPause;
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#heard();
    this.#socket.resume();
  }

  send(message: object): void {
    if (!this.#over) this.#socket.send(JSON.stringify(message));
  }

  probe(): void {
    if (!this.#connected || this.#over || this.#paused) return;
    this.#askedAt ??= Date.now();
    this.send({ type: 'ping' });
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    this.#socket.close();
  }

  #text(data: string): void {
    if (this.#over) return;
    this.#heard();
    let message: ServerMessage | RunEvent;
    try {
      message = JSON.parse(data) as ServerMessage | RunEvent;
    } catch {
      return this.#dead('the server sent something that is no message');
    }
    if ('seq' in message) {
      if (this.#connected) this.#events.event(this, message, data.length);
      return;
    }
    const told = message as ServerMessage;
    switch (told.type) {
      case 'connected':
        this.#connected = true;
        this.#heartbeatMs = Math.max(1, told.heartbeatSecs) * 1000;
        clearTimeout(this.#timer);
        this.#checkedAt = Date.now();
        this.#timer = setInterval(() => this.#check(), this.#heartbeatMs / 2);
        return this.#events.connected(this, told);
      case 'gap':
      case 'reset':
      case 'epoch':
        return this.#connected ? this.#events.moved(this, told) : undefined;
      case 'draining':
        return this.#events.draining(this, told.reconnectAfterMs ?? 0);
      case 'expiring':
        return this.#events.expiring(this, told.inSecs * 1000, told.reconnectAfterMs ?? 0);
      case 'error':
        this.#atLeastMs = told.reconnectAfterMs ?? this.#atLeastMs;
    }
  }

  #heard(): void {
    this.#heardAt = Date.now();
    this.#askedAt = undefined;
  }

  /**
   * Where the server's pings can't be seen, a message asks for an answer. A check that comes late was held up with the
   * whole process, by sleep or in a hidden tab: what has arrived meanwhile is looked at first.
   */
  #check(): void {
    const now = Date.now();
    const late = now - this.#checkedAt > this.#heartbeatMs;
    this.#checkedAt = now;
    if (this.#paused) return;
    if (late) {
      this.#heard();
      return this.probe();
    }
    const silent = now - this.#heardAt;
    if (this.#askedAt !== undefined && now - this.#askedAt >= this.#heartbeatMs && silent >= this.#heartbeatMs * DEAD_AFTER) {
      return this.#dead(`no sign of life for ${Math.round(silent / 1000)} s`);
    }
    if (silent >= this.#heartbeatMs * (this.#serverPings ? 1.5 : 1) && this.#askedAt === undefined) this.probe();
  }

  #dead(message: string): void {
    if (this.#over) return;
    this.#socket.close();
    this.#end({ failure: new TransportError('timeout', message) });
  }

  #end(end: LinkEnd): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    this.#events.ended(this, end);
  }
}
