/** The addresses of one server or cluster. One is used until it fails, then the next one. */
export class BaseUrls {
    #urls;
    #at = 0;
    /** `urls`: one or more, `http` or `https`; a path is kept, for a server below one. */
    constructor(urls) {
        this.#urls = (typeof urls === 'string' ? [urls] : urls).map(checked);
        if (this.#urls.length === 0)
            throw new TypeError('`url` has no address');
    }
    /** The one that is used now, without a slash at its end. */
    get current() {
        return this.#urls[this.#at];
    }
    /** All of them. */
    get all() {
        return this.#urls;
    }
    get count() {
        return this.#urls.length;
    }
    /** `url` has failed, or its node drains: the next one is used, unless another one is in use already. */
    leave(url) {
        if (url === this.current)
            this.#at = (this.#at + 1) % this.#urls.length;
    }
}
function checked(text) {
    let url;
    try {
        url = new URL(text);
    }
    catch {
        throw new TypeError(`\`url\` is not an absolute URL: ${text}`);
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
        throw new TypeError(`\`url\` must begin with http: or https: ${text}`);
    }
    if (url.username !== '' || url.password !== '')
        throw new TypeError('`url` must not have a password: use `token`');
    return url.origin + url.pathname.replace(/\/+$/, '');
}
