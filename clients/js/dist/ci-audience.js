/** Hosts that are this machine. */
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;
/**
 * For whom a token of the build is to be made. A server must not choose that freely: it could have tokens made that other
 * services take, and then have them. `told`: what the server calls itself; `given`: what the job says that it is called;
 * `urls`: where the job reaches it.
 */
export function audienceOf(told, given, urls) {
    const expected = given?.trim().replace(/\/+$/, '') || undefined;
    const own = new URL(urls[0]).origin;
    if (typeof told !== 'string')
        return { name: expected ?? own, isSafe: true };
    return { name: told, isSafe: told === expected || (isOrigin(told) && urls.some((url) => new URL(url).host === new URL(told).host)) };
}
/** Whether it is the origin of a site that nobody on the way can pretend to be. */
function isOrigin(text) {
    if (!URL.canParse(text))
        return false;
    const { origin, protocol, hostname } = new URL(text);
    return origin === text && (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname)));
}
