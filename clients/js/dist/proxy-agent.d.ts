import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { type ProxyChoice } from './proxy-env.js';
import { TransportError } from './transport.js';
/** `Proxy-Authorization` for the credentials in a proxy's URL. */
export declare function proxyAuthorization(proxy: URL): string | undefined;
/** The error for a proxy that did not do what it was asked for. */
export declare function proxyError(proxy: ProxyChoice, what: string, cause?: unknown): TransportError;
/** What a refusal of the proxy means, for people. */
export declare function proxyRefusal(status: number): string;
/** An agent whose connections are tunnels through a proxy, by `CONNECT`, and stay open for further requests. */
export declare class TunnelAgent extends https.Agent {
    #private;
    constructor(proxy: ProxyChoice);
    /** Called by Node.js for each new connection. */
    createConnection(options: http.ClientRequestArgs, callback?: (error: Error | null, stream: Duplex) => void): undefined;
}
/** An error's text; some of Node's have none of their own. */
export declare function reason(error: unknown): string;
