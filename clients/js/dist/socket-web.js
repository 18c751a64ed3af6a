import { TransportError } from './transport.js';
/** Opens sockets with a `WebSocket` class as browsers have it. */
export function openerOf(WebSocketClass) {
    return (options, events) => new WebSocketSocket(new WebSocketClass(options.url), events);
}
/** Opens a socket with the global `WebSocket`. */
export const openSocket = (options, events) => openerOf(globalThis.WebSocket)(options, events);
class WebSocketSocket {
    canPause = false;
    #socket;
    /** Aborted when nothing is to be told any more. */
    #detached = new AbortController();
    constructor(socket, events) {
        this.#socket = socket;
        socket.binaryType = 'arraybuffer';
        let opened = false;
        const { signal } = this.#detached;
        socket.addEventListener('open', () => (opened = true), { signal });
        socket.addEventListener('message', ({ data }) => {
            if (typeof data === 'string')
                events.text(data);
            else
                events.binary(new Uint8Array(data));
        }, { signal });
        socket.addEventListener('close', ({ code, reason }) => {
            this.#detached.abort();
            // A browser does not tell why, not even the status of a refusal.
            const failure = new TransportError(opened ? 'reset' : 'unreachable', opened ? 'the connection broke' : 'no WebSocket');
            events.closed(code, reason, code === 1006 ? failure : undefined);
        }, { signal });
    }
    send(text) {
        if (this.#socket.readyState === 1)
            this.#socket.send(text);
    }
    pause() { }
    resume() { }
    close() {
        this.#detached.abort();
        this.#socket.close(1000);
    }
}
