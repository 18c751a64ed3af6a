import { connect, isFinal } from '@runcast/client';
import { createTransport } from '@runcast/client/transport';

import type { GithubEvent } from './ci.js';
import type { Settings } from './settings.js';

/** The status has one name for all jobs of a run: the page is the same, and the server knows how all of it ended. */
const CONTEXT = 'runcast';
/** Longest description that GitHub takes, in characters. */
const MAX_DESCRIPTION = 140;
/** Longest time of a request, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** What the tests of a job came to. */
export interface Verdict {
  isPassed: boolean;
  description: string;
}

/** The status `runcast` of the commit under test, which leads to the page of the run. */
export class CommitStatus {
  readonly #url: string;
  readonly #transport = createTransport();
  /** Requests go one after the other. */
  #last: Promise<void> = Promise.resolve();
  /** Why the last one failed. */
  #fault: string | undefined;

  private constructor(
    private readonly settings: Settings,
    private readonly page: string,
    private readonly token: string,
    url: string,
  ) {
    this.#url = url;
  }

  /** Undefined: the job has no token for it, or it is that of a fork, which may not write. */
  static of(
    settings: Settings,
    page: string,
    env: NodeJS.ProcessEnv,
    event: GithubEvent | undefined,
  ): CommitStatus | undefined {
    const token = env['GITHUB_TOKEN']?.trim();
    const repository = env['GITHUB_REPOSITORY'];
    const { commit } = settings.ci;
    const { head, base } = event?.pull_request ?? {};
    const isForeign = head !== undefined && head.repo?.full_name !== base?.repo?.full_name;
    if (!token || !repository || commit === undefined || isForeign) return undefined;
    const api = (env['GITHUB_API_URL'] || 'https://api.github.com').replace(/\/+$/, '');
    if (!URL.canParse(api)) return undefined;
    return new CommitStatus(settings, page, token, `${api}/repos/${repository}/statuses/${commit}`);
  }

  /** Sets the status, when what was posted before is through. */
  post(state: 'pending' | 'success' | 'failure', description: string, signal?: AbortSignal): void {
    this.#last = this.#last
      .then(() => this.#send(state, description, signal))
      .catch((error: unknown) => {
        this.#fault = error instanceof Error ? error.message : String(error);
      });
  }

  /**
   * Says how it ended: a job that failed makes it a failure, and the last job that ends makes it what the run is. Returns
   * a note if GitHub does not take it.
   */
  async end(verdict: Verdict, isWhole: boolean, signal: AbortSignal): Promise<string | undefined> {
    const found = await this.#verdict(verdict, isWhole, signal);
    if (found !== undefined) this.post(found.isPassed ? 'success' : 'failure', found.description, signal);
    const late = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([this.#last, late]);
    return this.#fault && `GitHub has not taken the commit status: ${this.#fault}; github: false turns it off`;
  }

  /** What is known of the whole run; undefined: other jobs of it still run. */
  async #verdict(own: Verdict, isWhole: boolean, signal: AbortSignal): Promise<Verdict | undefined> {
    if (!own.isPassed) return own;
    const { url, token, runId } = this.settings;
    try {
      const run = connect({ url, ...(token !== undefined && { token }) }).run(runId);
      const { status } = await run.state({ signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS / 2)]) });
      if (status === null || !isFinal(status)) return undefined;
      return status === 'passed' ? own : { isPassed: false, description: `the run is ${status}` };
    } catch {
      // Without the server this job knows only of itself.
      return isWhole ? own : undefined;
    }
  }

  async #send(state: string, description: string, signal = AbortSignal.timeout(TIMEOUT_MS)): Promise<void> {
    const response = await this.#transport.send({
      method: 'POST',
      url: this.#url,
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${this.token}`,
        'content-type': 'application/json',
        'user-agent': 'runcast-playwright',
        'x-github-api-version': '2022-11-28',
      },
      body: JSON.stringify({
        state,
        context: CONTEXT,
        description:
          description.length > MAX_DESCRIPTION ? `${description.slice(0, MAX_DESCRIPTION - 1)}…` : description,
        target_url: this.page,
      }),
      signal,
      timeoutMs: TIMEOUT_MS,
    });
    await response.bytes();
    const { status } = response;
    if (status >= 200 && status < 300) {
      this.#fault = undefined;
      return;
    }
    const isForbidden = status === 403 || status === 404;
    throw new Error(isForbidden ? `${status}, the job needs \`permissions: statuses: write\`` : `it answers ${status}`);
  }
}
