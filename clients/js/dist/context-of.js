import { openSocket } from '#socket';
import { createTransport } from '#transport';
import { BaseUrls } from './base-urls.js';
import { VERSION } from './generated/index.js';
import { openerOf } from './socket-web.js';
import { fetchTransport } from './transport-fetch.js';
import { Tokens } from './tokens.js';
/** What every part of the client needs to talk to the server. Nothing is sent yet. */
export function contextOf(options) {
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
