import { openSocket } from '#socket';
import { createTransport } from '#transport';

import { BaseUrls } from './base-urls.js';
import type { FollowContext } from './follower.js';
import { VERSION } from './generated/index.js';
import { openerOf } from './socket-web.js';
import { fetchTransport } from './transport-fetch.js';
import type { TokenFunction } from './token.js';
import { Tokens } from './tokens.js';

export interface ConnectOptions {
  /** The server's address, or several of one cluster: when one fails, the next one is used. */
  url: string | readonly string[];
  /**
   * A token that is sent with each request, or what fetches one: it is asked again before the token ends, as far as that
   * is known, and when the server does not take it. A browser's WebSocket can't send it.
   */
  token?: string | TokenFunction | undefined;
  /** Who steers, for others to see, as long as there is no token that says so. */
  user?: string;
  /** By what the server knows who steers, as long as they give no name: 8 to 64 of `A-Z a-z 0-9 - _`. */
  clientId?: string;
  /** What requests are sent with. Missing: `fetch`, or in Node.js `node:https`, which knows proxies. */
  fetch?: typeof fetch;
  /** What runs are watched with. Missing: the global one, or in Node.js the client's own. */
  WebSocket?: typeof WebSocket;
}

/** What every part of the client needs to talk to the server. Nothing is sent yet. */
export function contextOf(options: ConnectOptions): FollowContext {
  const tokens = new Tokens(options.token);
  return {
    baseUrls: new BaseUrls(options.url),
    transport: options.fetch === undefined ? createTransport() : fetchTransport(options.fetch),
    token: () => tokens.get(),
    refuse: (token) => tokens.refuse(token),
    renew: () => tokens.renew(),
    clientName: `runcast-js/${VERSION}`,
    user: options.user,
    clientId: options.clientId,
    openSocket: options.WebSocket === undefined ? openSocket : openerOf(options.WebSocket),
  };
}
