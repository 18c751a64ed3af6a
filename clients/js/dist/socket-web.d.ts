import type { OpenSocket } from './socket.js';
/** Opens sockets with a `WebSocket` class as browsers have it. */
export declare function openerOf(WebSocketClass: typeof WebSocket): OpenSocket;
/** Opens a socket with the global `WebSocket`. */
export declare const openSocket: OpenSocket;
