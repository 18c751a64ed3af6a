/** The addresses of one server or cluster. One is used until it fails, then the next one. */
export class BaseUrls {
  readonly #urls: readonly string[];
  #at = 0;

  /** `urls`: one or more, `http` or `https`; a path is kept, for a server below one. */
  constructor(urls: string | readonly string[]) {
    this.#urls = (typeof urls === 'string' ? [urls] : urls).map(checked);
    if (this.#urls.length === 0) throw new TypeError('`url` has no address');
  }

  /** The one that is used now, without a slash at its end. */
  get current(): string {
    return this.#urls[this.#at] as string;
  }

  /** All of them. */
  get all(): readonly string[] {
    return this.#urls;
  }

  get count(): number {
    return this.#urls.length;
  }

  /** `url` has failed, or its node drains: the next one is used, unless another one is in use already. */
  leave(url: string): void {
    if (url === this.current) this.#at = (this.#at + 1) % this.#urls.length;
  }
}

function checked(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new TypeError(`\`url\` is not an absolute URL: ${text}`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TypeError(`\`url\` must begin with http: or https: ${text}`);
  }
  if (url.username !== '' || url.password !== '') throw new TypeError('`url` must not have a password: use `token`');
  return url.origin + url.pathname.replace(/\/+$/, '');
}
