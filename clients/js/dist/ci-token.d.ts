import { ApiError } from './errors.js';
import type { TokenFunction } from './token.js';
/** Variables of a CI job. */
export type CiEnv = Readonly<Record<string, string | undefined>>;
/** A build has no token of the server: `detail` says why, and what to do about it. */
export declare class BuildTokenError extends ApiError {
    name: string;
    constructor(status: number, detail: string);
}
/**
 * The token of a job of GitHub Actions or GitLab, for `connect({ token })`: what the build server says of the job is
 * exchanged at the server for a token that is good for an hour and for the runs of this build. It begins when the server
 * answers 401, so that nothing is asked for where no token is needed. Undefined: this is no such job.
 */
export declare function buildToken(url: string | readonly string[], env: CiEnv): TokenFunction | undefined;
