import { BlockList, isIP } from 'node:net';
/** The variable names a proxy that can't be used. */
export class ProxyVariableError extends Error {
    name = 'ProxyVariableError';
}
/**
 * The proxy for a URL: `HTTPS_PROXY` or `HTTP_PROXY` by its scheme, else `ALL_PROXY`, each in lower case first, unless
 * `NO_PROXY` names the host. This machine itself is never asked for through a proxy. Throws `ProxyVariableError`.
 */
export function proxyFor(url, environment = process.env) {
    const scheme = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
    for (const name of [scheme, scheme.toUpperCase(), 'all_proxy', 'ALL_PROXY']) {
        const value = environment[name]?.trim();
        if (value === undefined || value === '')
            continue;
        const noProxy = environment['no_proxy'] ?? environment['NO_PROXY'] ?? '';
        return isLoopback(hostOf(url)) || isExempt(url, noProxy) ? undefined : { url: parsed(value, name), variable: name };
    }
    return undefined;
}
/** The host of a URL without the brackets of an IPv6 address. */
export function hostOf(url) {
    return url.hostname.replace(/^\[|\]$/g, '');
}
/** The port of a URL. */
export function portOf(url) {
    return Number(url.port || (url.protocol === 'https:' ? 443 : 80));
}
function parsed(value, variable) {
    let url;
    try {
        url = new URL(value.includes('://') ? value : `http://${value}`);
    }
    catch {
        throw new ProxyVariableError(`${variable} is not the URL of a proxy`);
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
        throw new ProxyVariableError(`${variable} names a proxy of the kind ${url.protocol} which is not known: use http:`);
    }
    return url;
}
function isLoopback(host) {
    return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(\.\d+){3}$/.test(host);
}
/** Whether `NO_PROXY` names the host: `*`, a name with all below it, an address, a network; with a port or without. */
function isExempt(url, noProxy) {
    const host = hostOf(url).toLowerCase();
    return noProxy.split(/[\s,]+/).some((entry) => {
        if (entry === '')
            return false;
        if (entry === '*')
            return true;
        const { name, port } = split(entry.toLowerCase());
        if (port !== undefined && port !== portOf(url))
            return false;
        if (name.includes('/'))
            return isWithin(host, name);
        const domain = name.replace(/^\*?\./, '');
        return host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`));
    });
}
function split(entry) {
    const found = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry);
    const name = (found?.[1] ?? entry).replace(/^\[|\]$/g, '');
    return found ? { name, port: Number(found[2]) } : { name };
}
function isWithin(host, network) {
    const family = isIP(host);
    const [address = '', bits = ''] = network.split('/');
    if (family === 0 || isIP(address) !== family)
        return false;
    const kind = family === 6 ? 'ipv6' : 'ipv4';
    const list = new BlockList();
    try {
        list.addSubnet(address, Number(bits), kind);
    }
    catch {
        return false;
    }
    return list.check(host, kind);
}
