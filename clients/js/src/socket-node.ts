import { createHash, randomBytes } from 'node:crypto';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket as NetSocket } from 'node:net';

import { apiError } from './errors.js';
import { BINARY, CLOSE, encodeFrame, FrameParser, parseClose, PING, PONG, ProtocolError, TEXT, text } from './frame-parser.js';
import type { OpenSocket, Socket, SocketEvents, SocketOptions } from './socket.js';
import { proxyAuthorization, TunnelAgent } from './proxy-agent.js';
import { hostOf, portOf, proxyFor, type ProxyChoice } from './proxy-env.js';
import { TransportError } from './transport.js';
import { explained } from './transport-node.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** Longest time until the handshake is answered. */
const HANDSHAKE_MS = 15_000;
/** Longest time that the server's close frame is waited for. */
const CLOSE_MS = 2_000;
/** Most bytes of a refusal that are read. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** Opens a socket over `node:http` and `node:https`. */
export const openSocket: OpenSocket = (options, events) => new NodeSocket(options, events);

class NodeSocket implements Socket {
  readonly canPause = true;
  readonly #events: SocketEvents;
  readonly #request: ClientRequest;
  readonly #target: URL;
  readonly #proxy: ProxyChoice | undefined;
  #socket: NetSocket | undefined;
  #paused = false;
  /** Nothing is told any more. */
  #over = false;
  #closeSent = false;

  constructor({ url, headers }: SocketOptions, events: SocketEvents) {
    this.#events = events;
    const key = randomBytes(16).toString('base64');
    this.#target = new URL(url.replace(/^ws/, 'http'));
    this.#proxy = proxyFor(this.#target);
    const way = wayTo(this.#target, this.#proxy);
    const handshake = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': key };
    const options = { ...way, headers: { ...way.headers, ...headers, ...handshake }, timeout: HANDSHAKE_MS };
    this.#request = (way.protocol === 'https:' ? https : http).request(options);
    this.#request.on('upgrade', (response, socket, head) => this.#upgraded(key, response, socket as NetSocket, head));
    this.#request.on('response', (response) => void this.#refused(response));
    this.#request.on('timeout', () => this.#request.destroy(new TransportError('timeout', 'no answer to the handshake')));
    this.#request.on('error', (error) => this.#end(1006, '', this.#explained(error)));
    this.#request.end();
  }

  send(message: string): void {
    if (!this.#over) this.#write(TEXT, Buffer.from(message));
  }

  pause(): void {
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket?.resume();
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#socket === undefined) this.#request.destroy();
    else this.#sayGoodbye(1000);
  }

  #upgraded(key: string, response: IncomingMessage, socket: NetSocket, head: Buffer): void {
    socket.on('error', (error) => this.#end(1006, '', this.#explained(error)));
    if (this.#over) return void socket.destroy();
    const expected = createHash('sha1').update(key + GUID).digest('base64');
    if (response.headers['sec-websocket-accept'] !== expected || response.headers['sec-websocket-extensions'] !== undefined) {
      socket.destroy();
      return this.#end(1006, '', new TransportError('proxy', 'the handshake was answered by something that is no WebSocket server'));
    }
    this.#socket = socket;
    socket.setTimeout(0);
    socket.setNoDelay(true);
    const parser = new FrameParser({
      message: (opcode, payload) => {
        if (this.#over) return;
        if (opcode === TEXT) this.#events.text(text(payload));
        else if (opcode === BINARY) this.#events.binary(payload.slice());
      },
      control: (opcode, payload) => this.#control(opcode, payload),
    });
    const take = (chunk: Buffer) => {
      if (this.#closeSent && this.#over) return;
      try {
        parser.push(chunk);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.#sayGoodbye(error.closeCode);
        this.#end(1006, '', error);
      }
    };
    socket.on('data', take);
    socket.on('close', () => this.#end(1006, '', new TransportError('reset', 'the connection ended without a close frame')));
    socket.on('end', () => socket.end());
    if (head.length > 0) take(head);
    if (this.#paused) socket.pause();
  }

  #control(opcode: number, payload: Uint8Array): void {
    if (opcode === PING) {
      this.#write(PONG, payload);
      if (!this.#over) this.#events.pinged();
    } else if (opcode === CLOSE) {
      const { code, reason } = parseClose(payload);
      this.#sayGoodbye(code === 1005 ? 1000 : code);
      this.#end(code, reason);
    }
  }

  async #refused(response: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response) {
        bytes += (chunk as Buffer).length;
        if (bytes <= MAX_REFUSAL_BYTES) chunks.push(chunk as Buffer);
      }
    } catch {
      // The status says enough.
    }
    const header = (name: string) => {
      const value = response.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    };
    const answer = { status: response.statusCode ?? 0, header, bytes: () => Promise.resolve(Buffer.concat(chunks)) };
    this.#end(1006, '', await apiError(answer));
  }

  #write(opcode: number, payload: Uint8Array): void {
    if (this.#socket?.writable === true && !this.#closeSent) this.#socket.write(encodeFrame(opcode, payload, randomBytes(4)));
  }

  /** Sends the close frame, once, and drops the connection when the server has had its time to answer. */
  #sayGoodbye(code: number): void {
    if (this.#closeSent || this.#socket === undefined) return;
    this.#write(CLOSE, Uint8Array.of(code >> 8, code & 0xff));
    this.#closeSent = true;
    const socket = this.#socket;
    socket.resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), CLOSE_MS);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  }

  #explained(error: Error): Error {
    return explained(error, this.#target, this.#proxy) as Error;
  }

  #end(code: number, reason: string, failure?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.closed(code, reason, failure);
  }
}

/** How a request gets there: by itself, through a tunnel, or by a proxy that is asked for the whole URL. */
function wayTo(url: URL, proxy: ProxyChoice | undefined): RequestOptions {
  const path = url.pathname + url.search;
  const direct = { protocol: url.protocol, host: hostOf(url), port: portOf(url), path, agent: false as const };
  if (proxy === undefined) return direct;
  if (url.protocol === 'https:') return { ...direct, agent: new TunnelAgent(proxy) };
  const authorization = proxyAuthorization(proxy.url);
  return {
    protocol: proxy.url.protocol,
    host: hostOf(proxy.url),
    port: portOf(proxy.url),
    path: url.href,
    headers: { host: url.host, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }) },
    agent: false,
  };
}
