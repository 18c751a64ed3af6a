/** A token, and when it ends. */
export interface Token {
    token: string;
    /** When it ends, in milliseconds since 1970. Missing: a JSON Web Token says so itself, of others it is not known. */
    expiresAt?: number;
}
/**
 * Fetches a token; undefined: there is none. `refused`: the token that the server has answered 401 to; an empty text: it
 * was asked without one.
 */
export type TokenFunction = (refused?: string) => TokenAnswer | Promise<TokenAnswer>;
type TokenAnswer = Token | string | undefined;
/** The token to send, and the next one in time. */
export declare class Tokens {
    #private;
    constructor(option: string | TokenFunction | undefined);
    /** The token to send. One whose end is known is kept until shortly before; of another one the function is asked anew. */
    get(): Promise<string | undefined>;
    /** The server has answered 401 to this token, or to none. False: there is no other one. */
    refuse(token: string | undefined): boolean;
}
export {};
