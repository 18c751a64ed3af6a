import type { TokenFunction } from './token.js';
/** The token to send, and the next one in time. */
export declare class Tokens {
    #private;
    constructor(option: string | TokenFunction | undefined);
    /** The token to send. One whose end is known is kept until shortly before; of another one the function is asked anew. */
    get(): Promise<string | undefined>;
    /** The server has answered 401 to this token, or to none. False: there is no other one. */
    refuse(token: string | undefined): boolean;
    /** The server says that the token ends soon: the next one is asked for now. This one is good to its end if there is none. */
    renew(): void;
}
