import type { OpenSocket, Socket, SocketEvents, SocketOptions } from './socket.js';
import { TransportError } from './transport.js';

/** Opens sockets with a `WebSocket` class as browsers have it. */
export function openerOf(WebSocketClass: typeof WebSocket): OpenSocket {
  return (options, events) => new WebSocketSocket(new WebSocketClass(options.url), events);
}

/** Opens a socket with the global `WebSocket`. */
export const openSocket: OpenSocket = (options: SocketOptions, events: SocketEvents) =>
  openerOf(globalThis.WebSocket)(options, events);

class WebSocketSocket implements Socket {
  readonly canPause = false;
  readonly #socket: WebSocket;
  /** Aborted when nothing is to be told any more. */
  readonly #detached = new AbortController();

  constructor(socket: WebSocket, events: SocketEvents) {
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    let opened = false;
    const { signal } = this.#detached;
    socket.addEventListener('open', () => (opened = true), { signal });
    socket.addEventListener(
      'message',
      ({ data }: MessageEvent) => {
        if (typeof data === 'string') events.text(data);
        else events.binary(new Uint8Array(data as ArrayBuffer));
      },
      { signal },
    );
    socket.addEventListener(
      'close',
      ({ code, reason }: CloseEvent) => {
        this.#detached.abort();
        // A browser does not tell why, not even the status of a refusal.
        const failure = new TransportError(opened ? 'reset' : 'unreachable', opened ? 'the connection broke' : 'no WebSocket');
        events.closed(code, reason, code === 1006 ? failure : undefined);
      },
      { signal },
    );
  }

  send(text: string): void {
    if (this.#socket.readyState === 1) this.#socket.send(text);
  }

  pause(): void {}

  resume(): void {}

  close(): void {
    this.#detached.abort();
    this.#socket.close(1000);
  }
}
