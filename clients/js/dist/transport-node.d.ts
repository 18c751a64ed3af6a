import { type ProxyChoice } from './proxy-env.js';
import { type Transport } from './transport.js';
/** The transport of Node.js: `node:http` and `node:https`, with kept connections, proxies and certificates. */
export declare function createTransport(): Transport;
/** Says in an error which of the ways to fail it was, where, and what to check. */
export declare function explained(error: NodeJS.ErrnoException, url: URL, proxy: ProxyChoice | undefined): unknown;
