import type { TokenFunction } from './token.js';

/** How long before its end a token is replaced, in milliseconds: at most, and as a part of what is left of it. */
const MARGIN_MS = 60_000;
const MARGIN_PART = 0.1;

/** The token to send, and the next one in time. */
export class Tokens {
  readonly #option: string | TokenFunction | undefined;
  #kept: { token: string; expiresAt: number; until: number } | undefined;
  #refused: string | undefined;
  #asked: Promise<string | undefined> | undefined;

  constructor(option: string | TokenFunction | undefined) {
    this.#option = option;
  }

  /** The token to send. One whose end is known is kept until shortly before; of another one the function is asked anew. */
  get(): Promise<string | undefined> {
    const option = this.#option;
    if (typeof option !== 'function') return Promise.resolve(option);
    if (this.#kept !== undefined && Date.now() < this.#kept.until) return Promise.resolve(this.#kept.token);
    this.#asked ??= this.#ask(option).finally(() => (this.#asked = undefined));
    return this.#asked;
  }

  /** The server has answered 401 to this token, or to none. False: there is no other one. */
  refuse(token: string | undefined): boolean {
    if (typeof this.#option !== 'function') return false;
    if (this.#kept !== undefined && this.#kept.token !== token) return true; // it has been replaced meanwhile
    this.#kept = undefined;
    this.#refused ??= token ?? '';
    return true;
  }

  /** The server says that the token ends soon: the next one is asked for now. This one is good to its end if there is none. */
  renew(): void {
    if (typeof this.#option !== 'function') return;
    this.#option.renew?.();
    if (this.#kept !== undefined) this.#kept.until = 0;
  }

  async #ask(option: TokenFunction): Promise<string | undefined> {
    const refused = this.#refused;
    this.#refused = undefined;
    const before = this.#kept;
    try {
      const answer = await option(refused);
      const { token, expiresAt = undefined } = typeof answer === 'object' ? answer : { token: answer };
      this.#keep(token, expiresAt ?? (token === undefined ? undefined : endOf(token)));
      return token;
    } catch (error) {
      // There is no other one yet: this one is good to its end.
      if (before !== undefined && before === this.#kept && Date.now() < before.expiresAt) return before.token;
      this.#refused = refused;
      throw error;
    }
  }

  #keep(token: string | undefined, expiresAt: number | undefined): void {
    if (token === undefined || expiresAt === undefined) return void (this.#kept = undefined);
    const left = expiresAt - Date.now();
    this.#kept = { token, expiresAt, until: expiresAt - Math.min(MARGIN_MS, left * MARGIN_PART) };
  }
}

/** When a JSON Web Token ends, in milliseconds since 1970; undefined: it is none, or says nothing of it. */
function endOf(token: string): number | undefined {
  const claims = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token)?.[1];
  if (claims === undefined) return undefined;
  try {
    const { exp } = JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
