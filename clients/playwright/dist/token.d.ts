/** A token, and when it ends. */
export interface Token {
    token: string;
    /** When it ends, in milliseconds since 1970. Missing: a JSON Web Token says so itself, of others it is not known. */
    expiresAt?: number;
}
/** What a function that fetches tokens gives; undefined: there is none. */
export type TokenAnswer = Token | string | undefined;
/** Fetches a token. */
export interface TokenFunction {
    /** `refused`: the token that the server has answered 401 to; an empty text: it was asked without one. */
    (refused?: string): TokenAnswer | Promise<TokenAnswer>;
    /** For a function that keeps its token: the server says that it ends soon, and the function is asked for the next one. */
    renew?(): void;
}
