import http from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { lookup } from './lookup-node.js';
import { proxyAuthorization, proxyError, proxyRefusal, reason, TunnelAgent } from './proxy-agent.js';
import { hostOf, portOf, proxyFor } from './proxy-env.js';
import { TransportError } from './transport.js';
/** Longest time without any progress, unless the request says otherwise, in milliseconds. */
const TIMEOUT_MS = 30_000;
/** Bytes of a body that are written at a time, so that a slow upload is seen to go on. */
const SLICE_BYTES = 64 * 1024;
/** The transport of Node.js: `node:http` and `node:https`, with kept connections, proxies and certificates. */
export function createTransport() {
    return new NodeTransport();
}
/** Sends requests; the proxies are those that the environment names when a request is sent. */
class NodeTransport {
    #http = new http.Agent({ keepAlive: true, lookup });
    #https = new https.Agent({ keepAlive: true, lookup });
    #tunnels = new Map();
    async send(request) {
        request.signal?.throwIfAborted();
        const url = new URL(request.url);
        let proxy;
        try {
            proxy = proxyFor(url);
        }
        catch (error) {
            throw new TransportError('proxy', reason(error), { cause: error });
        }
        const options = this.#options(url, proxy);
        try {
            return await exchange(request, url, proxy, options);
        }
        catch (error) {
            // The server has closed a kept connection just when it was used again. All requests may be repeated.
            if (!(error instanceof StaleConnection))
                throw error;
            for (const socket of Object.values(options.agent.freeSockets).flat())
                socket?.destroy();
            return exchange(request, url, proxy, options).catch((again) => {
                throw again instanceof StaleConnection ? again.explained : again;
            });
        }
    }
    #options(url, proxy) {
        const target = { host: hostOf(url), port: portOf(url), path: url.pathname + url.search };
        if (proxy === undefined)
            return { ...target, agent: url.protocol === 'https:' ? this.#https : this.#http };
        if (url.protocol === 'https:')
            return { ...target, agent: this.#tunnel(proxy) };
        const authorization = proxyAuthorization(proxy.url);
        return {
            host: hostOf(proxy.url),
            port: portOf(proxy.url),
            protocol: proxy.url.protocol,
            path: url.href,
            headers: { host: url.host, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }) },
            agent: proxy.url.protocol === 'https:' ? this.#https : this.#http,
        };
    }
    #tunnel(proxy) {
        const known = this.#tunnels.get(proxy.url.href);
        const tunnel = known ?? new TunnelAgent(proxy);
        if (known === undefined)
            this.#tunnels.set(proxy.url.href, tunnel);
        return tunnel;
    }
}
/** A kept connection turned out to be closed, and nothing of the body is lost. */
class StaleConnection extends Error {
    explained;
    constructor(explained) {
        super();
        this.explained = explained;
    }
}
/** Sends a request on its way and waits for the head of the answer. */
function exchange(request, url, proxy, options) {
    const { signal, timeoutMs = TIMEOUT_MS } = request;
    return new Promise((resolve, reject) => {
        const headers = { ...options.headers, 'accept-encoding': 'gzip', ...request.headers, ...lengthOf(request) };
        const secure = (options.protocol ?? url.protocol) === 'https:';
        const sent = (secure ? https : http).request({ ...options, method: request.method, headers });
        let fail = reject;
        let response;
        const give = (error) => {
            fail(error);
            sent.destroy();
            response?.destroy();
        };
        const late = setTimeout(() => {
            const message = `${place(url)} showed no sign of life for ${timeoutMs / 1000} s: check that it is up`;
            give(new TransportError('timeout', message));
        }, timeoutMs);
        late.unref();
        const progress = () => void late.refresh();
        const aborted = () => give(signal?.reason);
        const end = () => {
            clearTimeout(late);
            signal?.removeEventListener('abort', aborted);
        };
        signal?.addEventListener('abort', aborted, { once: true });
        sent.on('socket', (socket) => {
            if (request.background === true)
                socket.unref();
            if (!socket.connecting)
                return;
            for (const event of ['lookup', 'connect', 'secureConnect'])
                socket.once(event, progress);
        });
        sent.on('error', (error) => {
            end();
            const isUnanswered = response === undefined && signal?.aborted !== true;
            const stale = sent.reusedSocket && isUnanswered && isClosed(error) && mayRepeat(request.body);
            const known = explained(error, url, proxy);
            fail(stale ? new StaleConnection(known) : known);
        });
        sent.on('response', (message) => {
            response = message;
            progress();
            message.once('close', end);
            if (proxy !== undefined && message.statusCode === 407) {
                end();
                message.resume();
                return reject(proxyError(proxy, proxyRefusal(407)));
            }
            resolve({
                status: message.statusCode ?? 0,
                header: (name) => header(message, name),
                bytes: () => {
                    const bytes = new Promise((took, failed) => {
                        fail = failed;
                        if (message.destroyed && !message.readableEnded) {
                            return failed(signal?.aborted === true ? signal.reason : brokenOff(url, proxy));
                        }
                        const parts = [];
                        message.on('data', (part) => {
                            parts.push(part);
                            progress();
                        });
                        message.once('end', () => took(Buffer.concat(parts)));
                        message.once('error', (error) => failed(explained(error, url, proxy)));
                        message.once('close', () => failed(brokenOff(url, proxy)));
                    });
                    return bytes.then((whole) => decoded(message, whole));
                },
            });
        });
        write(sent, request.body, progress).catch((error) => give(error));
    });
}
/** Writes the body, in slices that show its progress. */
async function write(to, body, progress) {
    if (body === undefined)
        return void to.end();
    const one = (part) => new Promise((resolve) => {
        // An error is told by the request itself.
        to.write(part, () => resolve());
    }).then(progress);
    if (typeof body === 'string' || body instanceof Uint8Array) {
        const bytes = typeof body === 'string' ? Buffer.from(body) : body;
        if (bytes.byteLength <= SLICE_BYTES)
            return void to.end(bytes);
        for (let at = 0; at < bytes.byteLength && !to.destroyed; at += SLICE_BYTES) {
            await one(bytes.subarray(at, at + SLICE_BYTES));
        }
    }
    else {
        for await (const part of body instanceof Blob ? parts(body) : body) {
            if (to.destroyed)
                break;
            await one(part);
        }
    }
    to.end();
}
async function* parts(blob) {
    for (let at = 0; at < blob.size; at += SLICE_BYTES) {
        yield new Uint8Array(await blob.slice(at, at + SLICE_BYTES).arrayBuffer());
    }
}
function lengthOf({ body }) {
    if (typeof body === 'string')
        return { 'content-length': String(Buffer.byteLength(body)) };
    if (body instanceof Uint8Array)
        return { 'content-length': String(body.byteLength) };
    if (body instanceof Blob)
        return { 'content-length': String(body.size) };
    return {};
}
/** Whether a body can be read a second time. */
function mayRepeat(body) {
    return body === undefined || typeof body === 'string' || body instanceof Uint8Array || body instanceof Blob;
}
function header(message, name) {
    const value = message.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
}
async function decoded(message, bytes) {
    return message.headers['content-encoding'] === 'gzip' && bytes.length > 0 ? promisify(gunzip)(bytes) : bytes;
}
function isClosed(error) {
    return error.code === 'ECONNRESET' || error.code === 'EPIPE';
}
function place(url) {
    return `${hostOf(url)}:${portOf(url)}`;
}
/** Says in an error which of the ways to fail it was, where, and what to check. */
export function explained(error, url, proxy) {
    if (error instanceof TransportError)
        return error;
    const code = error.code ?? error.errors?.[0]?.code ?? '';
    const failure = failureOf(code, reason(error));
    if (proxy !== undefined && url.protocol === 'http:' && failure !== 'reset' && failure !== 'timeout') {
        const what = failure === 'refused' ? 'refused the connection' : `can't be used: ${reason(error)}`;
        return proxyError(proxy, what, error);
    }
    return new TransportError(failure, `${place(url)} ${ADVICE[failure]} (${reason(error)})`, { cause: error });
}
function brokenOff(url, proxy) {
    return explained(new Error('the answer broke off'), url, proxy);
}
const ADVICE = {
    refused: 'refused the connection: check that the server runs and listens there',
    dns: "can't be found: check the name, and the network's DNS",
    tls: "can't be trusted or does not speak TLS: check its certificate; NODE_EXTRA_CA_CERTS adds an authority",
    timeout: 'did not take the connection in time: check that it is up, and that no firewall is between',
    unreachable: "can't be reached: check the network and the address",
    reset: 'broke the connection',
};
function failureOf(code, message) {
    switch (code) {
        case 'ECONNREFUSED':
            return 'refused';
        case 'ENOTFOUND':
        case 'EAI_AGAIN':
            return 'dns';
        case 'ETIMEDOUT':
            return 'timeout';
        case 'EHOSTUNREACH':
        case 'ENETUNREACH':
        case 'EADDRNOTAVAIL':
        case 'EACCES':
        case 'EPERM':
            return 'unreachable';
        case 'EPROTO':
            return 'tls';
    }
    const isTls = /CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO_|ISSUER/.test(code) || message.includes('TLS connection was');
    return isTls ? 'tls' : 'reset';
}
