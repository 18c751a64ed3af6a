import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';

import { lookup } from './lookup-node.js';
import { hostOf, portOf, type ProxyChoice } from './proxy-env.js';
import { TransportError } from './transport.js';

/** Longest wait until a proxy has opened a tunnel, in milliseconds. */
const CONNECT_MS = 30_000;

/** `Proxy-Authorization` for the credentials in a proxy's URL. */
export function proxyAuthorization(proxy: URL): string | undefined {
  if (proxy.username === '' && proxy.password === '') return undefined;
  const text = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

/** The error for a proxy that did not do what it was asked for. */
export function proxyError(proxy: ProxyChoice, what: string, cause?: unknown): TransportError {
  const at = `${hostOf(proxy.url)}:${portOf(proxy.url)}`;
  return new TransportError('proxy', `the proxy ${at} (${proxy.variable}) ${what}`, { cause });
}

/** What a refusal of the proxy means, for people. */
export function proxyRefusal(status: number): string {
  if (status !== 407) return `answered ${status}: it does not let this connection through`;
  return 'answered 407: it wants other credentials; check user and password in its URL';
}

/** An agent whose connections are tunnels through a proxy, by `CONNECT`, and stay open for further requests. */
export class TunnelAgent extends https.Agent {
  readonly #proxy: ProxyChoice;

  constructor(proxy: ProxyChoice) {
    super({ keepAlive: true });
    this.#proxy = proxy;
  }

  /** Called by Node.js for each new connection. */
  override createConnection(
    options: http.ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const host = options.host ?? '';
    const target = `${net.isIPv6(host) ? `[${host}]` : host}:${options.port}`;
    const authorization = proxyAuthorization(this.#proxy.url);
    const client = this.#proxy.url.protocol === 'https:' ? https : http;
    const request = client.request({
      host: hostOf(this.#proxy.url),
      port: portOf(this.#proxy.url),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }) },
      agent: false,
      lookup,
      timeout: CONNECT_MS,
    });
    let told = false;
    const tell = (error: Error | null, socket?: net.Socket) => {
      // Node.js looks at the error first; then there is no socket.
      if (!told) callback?.(error, socket as net.Socket);
      told = true;
    };
    request.once('timeout', () => request.destroy(new Error('no answer')));
    request.once('error', (error: NodeJS.ErrnoException) => {
      const what = error.code === 'ECONNREFUSED' ? 'refused the connection' : `can't be used: ${reason(error)}`;
      tell(proxyError(this.#proxy, what, error));
    });
    request.once('response', (response) => {
      response.resume();
      request.destroy();
      tell(proxyError(this.#proxy, proxyRefusal(response.statusCode ?? 0)));
    });
    request.once('connect', (response, socket) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        return tell(proxyError(this.#proxy, proxyRefusal(response.statusCode ?? 0)));
      }
      socket.setTimeout(0);
      const servername = net.isIP(host) === 0 ? host : '';
      tell(null, tls.connect({ ...(options as tls.ConnectionOptions), socket, servername }));
    });
    request.end();
    return undefined;
  }
}

/** An error's text; some of Node's have none of their own. */
export function reason(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reason(error.errors[0]);
  if (error instanceof Error) return error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
  return String(error);
}
