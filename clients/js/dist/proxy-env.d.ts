/** A proxy, as the environment names it. */
export interface ProxyChoice {
    /** The proxy's address; `http:` or `https:`. */
    url: URL;
    /** The variable that names it, for messages. */
    variable: string;
}
/** The variable names a proxy that can't be used. */
export declare class ProxyVariableError extends Error {
    name: string;
}
type Environment = Readonly<Record<string, string | undefined>>;
/**
 * The proxy for a URL: `HTTPS_PROXY` or `HTTP_PROXY` by its scheme, else `ALL_PROXY`, each in lower case first, unless
 * `NO_PROXY` names the host. This machine itself is never asked for through a proxy. Throws `ProxyVariableError`.
 */
export declare function proxyFor(url: URL, environment?: Environment): ProxyChoice | undefined;
/** The host of a URL without the brackets of an IPv6 address. */
export declare function hostOf(url: URL): string;
/** The port of a URL. */
export declare function portOf(url: URL): number;
export {};
