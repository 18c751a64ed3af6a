/** The addresses of one server or cluster. One is used until it fails, then the next one. */
export declare class BaseUrls {
    #private;
    /** `urls`: one or more, `http` or `https`; a path is kept, for a server below one. */
    constructor(urls: string | readonly string[]);
    /** The one that is used now, without a slash at its end. */
    get current(): string;
    /** All of them. */
    get all(): readonly string[];
    get count(): number;
    /** `url` has failed, or its node drains: the next one is used, unless another one is in use already. */
    leave(url: string): void;
}
