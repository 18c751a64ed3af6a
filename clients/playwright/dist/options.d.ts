import type { TokenFunction } from './token.js';
/**
 * What can be set in the configuration: `reporter: [['@runcast/playwright', { url: 'https://runcast.example' }]]`.
 * Options win over the environment, the environment over what the CI says, and that over the defaults. Of `variant` the
 * environment wins: the jobs of a matrix have the same configuration.
 */
export interface Options {
    /** The server's address, or several of one cluster. Missing: `RUNCAST_URL`; without either nothing is posted. */
    url?: string | string[];
    /**
     * What the server knows this run's producer by, or what fetches it: it is asked again before the token ends, as far as
     * that is known, and when the server does not take it. Missing: `RUNCAST_TOKEN`, then in GitHub Actions and GitLab one
     * that the server gives for the token of the job.
     */
    token?: string | TokenFunction;
    /** The run's id, or what makes it of the CI job. Missing: `RUNCAST_RUN`, then that of the CI's run, then a new one. */
    run?: string | ((ci: CiInfo) => string);
    /** `'ci'`: in CI alone. Missing: `RUNCAST_ENABLED`, then true, but for UI mode and editors. */
    enabled?: boolean | 'ci';
    /** The variant of the tests in a matrix: an operating system, a browser. Missing: `RUNCAST_VARIANT`, then the system. */
    variant?: string;
    /** Which steps are posted: `'test.step'`: those of `test.step` alone. */
    steps?: 'all' | 'test.step' | 'none';
    /** Whether output of tests is posted. */
    stdio?: boolean;
    /** Whether attachments are uploaded, or which. */
    attachments?: boolean | ((attachment: AttachmentInfo) => boolean);
    /** Larger ones stay where they are, in MiB: 100. */
    attachmentMaxMb?: number;
    /** What is masked, besides what looks secret; false: nothing. */
    mask?: MaskOptions | false;
    /** How long the end of the run waits for the server at most, in seconds: 15. */
    endTimeoutSecs?: number;
    /** Events that wait for the server, in MiB: 16. */
    queueMb?: number;
    /** When the link is printed: `'start'`, and with `'both'` at the end too. */
    printLink?: 'start' | 'both' | false;
    /** Annotations, job summary and commit status in GitHub Actions. Missing: as far as the job may. */
    github?: boolean;
    /** Labels to find the run by. */
    labels?: string[];
    /** What people call the run. */
    title?: string;
    /** The project that the run belongs to. Missing: that of the CI, then the name in `package.json`. */
    project?: string;
}
/** What is made unreadable before an event leaves the process. */
export interface MaskOptions {
    /** Values of `fill`, `type` and `press`: on fields that look secret (the default), all, or none. */
    fill?: 'secret' | 'all' | 'none';
    /** Further texts. */
    values?: string[];
    patterns?: RegExp[];
    /** Names of environment variables whose values are masked, besides those that look secret; `*` stands for anything. */
    env?: string[];
}
/** An attachment of a test, before it is uploaded. */
export interface AttachmentInfo {
    name: string;
    contentType: string;
    /** Where the file is; missing: its content is in memory. */
    path?: string;
    testId: string;
}
/** The CI job that runs the tests. */
export interface CiInfo {
    /** `github`, `gitlab`, `buildkite`, `circleci`, `jenkins`, `azure`; missing: none of these. */
    name?: string;
    /** The id that all jobs of this CI run have in common, `gh-{repository_id}-{run_id}-{run_attempt}` for instance. */
    runId?: string;
    project?: string;
    number?: number;
    title?: string;
    branch?: string;
    commit?: string;
    author?: string;
    /** The page of the CI's run. */
    url?: string;
    /** The workflow, what set it off, the number of the pull request: words to find the run by. */
    labels?: string[];
}
