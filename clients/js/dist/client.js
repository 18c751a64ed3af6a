import { openSocket } from '#socket';
import { createTransport } from '#transport';
import { BaseUrls } from './base-urls.js';
import { VERSION } from './generated/index.js';
import { readRuns } from './read.js';
import { Run } from './run.js';
import { openerOf } from './socket-web.js';
import { fetchTransport } from './transport-fetch.js';
/** A server, or a cluster of servers. */
export class Runcast {
    #context;
    /** Made by {@link connect}. */
    constructor(options) {
        const { token } = options;
        this.#context = {
            baseUrls: new BaseUrls(options.url),
            transport: options.fetch === undefined ? createTransport() : fetchTransport(options.fetch),
            token: async () => (typeof token === 'function' ? token() : token),
            clientName: `runcast-js/${VERSION}`,
            user: options.user,
            clientId: options.clientId,
            openSocket: options.WebSocket === undefined ? openSocket : openerOf(options.WebSocket),
        };
    }
    /** A run by its id. */
    run(id) {
        return new Run(this.#context, id);
    }
    /** All runs, the one that changed last first; more are asked for while they are iterated over. */
    runs(query) {
        return readRuns(this.#context, query);
    }
}
/** The way to a server. Nothing is sent yet. */
export function connect(options) {
    return new Runcast(options);
}
