import type { OpenSocket } from './socket.js';
/** Opens a socket over `node:http` and `node:https`. */
export declare const openSocket: OpenSocket;
