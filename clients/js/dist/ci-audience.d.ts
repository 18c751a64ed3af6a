/** The name by which the server calls itself. */
export interface Audience {
    name: string;
    /** Whether a token of the build may be asked for in this name. */
    isSafe: boolean;
}
/**
 * For whom a token of the build is to be made. A server must not choose that freely: it could have tokens made that other
 * services take, and then have them. `told`: what the server calls itself; `given`: what the job says that it is called;
 * `urls`: where the job reaches it.
 */
export declare function audienceOf(told: unknown, given: string | undefined, urls: readonly string[]): Audience;
