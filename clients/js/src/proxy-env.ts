import { BlockList, isIP } from 'node:net';

/** A proxy, as the environment names it. */
export interface ProxyChoice {
  /** The proxy's address; `http:` or `https:`. */
  url: URL;
  /** The variable that names it, for messages. */
  variable: string;
}

/** The variable names a proxy that can't be used. */
export class ProxyVariableError extends Error {
  override name = 'ProxyVariableError';
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a URL: `HTTPS_PROXY` or `HTTP_PROXY` by its scheme, else `ALL_PROXY`, each in lower case first, unless
 * `NO_PROXY` names the host. This machine itself is never asked for through a proxy. Throws `ProxyVariableError`.
 */
export function proxyFor(url: URL, environment: Environment = process.env): ProxyChoice | undefined {
  const scheme = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  for (const name of [scheme, scheme.toUpperCase(), 'all_proxy', 'ALL_PROXY']) {
    const value = environment[name]?.trim();
    if (value === undefined || value === '') continue;
    const noProxy = environment['no_proxy'] ?? environment['NO_PROXY'] ?? '';
    return isLoopback(hostOf(url)) || isExempt(url, noProxy) ? undefined : { url: parsed(value, name), variable: name };
  }
  return undefined;
}

/** The host of a URL without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** The port of a URL. */
export function portOf(url: URL): number {
  return Number(url.port || (url.protocol === 'https:' ? 443 : 80));
}

function parsed(value: string, variable: string): URL {
  let url: URL;
  try {
    url = new URL(value.includes('://') ? value : `http://${value}`);
  } catch {
    throw new ProxyVariableError(`${variable} is not the URL of a proxy`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new ProxyVariableError(`${variable} names a proxy of the kind ${url.protocol} which is not known: use http:`);
  }
  return url;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(\.\d+){3}$/.test(host);
}

/** Whether `NO_PROXY` names the host: `*`, a name with all below it, an address, a network; with a port or without. */
function isExempt(url: URL, noProxy: string): boolean {
  const host = hostOf(url).toLowerCase();
  return noProxy.split(/[\s,]+/).some((entry) => {
    if (entry === '') return false;
    if (entry === '*') return true;
    const { name, port } = split(entry.toLowerCase());
    if (port !== undefined && port !== portOf(url)) return false;
    if (name.includes('/')) return isWithin(host, name);
    const domain = name.replace(/^\*?\./, '');
    return host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`));
  });
}

function split(entry: string): { name: string; port?: number } {
  const found = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry);
  const name = (found?.[1] ?? entry).replace(/^\[|\]$/g, '');
  return found ? { name, port: Number(found[2]) } : { name };
}

function isWithin(host: string, network: string): boolean {
  const family = isIP(host);
  const [address = '', bits = ''] = network.split('/');
  if (family === 0 || isIP(address) !== family) return false;
  const kind = family === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  try {
    list.addSubnet(address, Number(bits), kind);
  } catch {
    return false;
  }
  return list.check(host, kind);
}
