import { relative } from 'node:path';

import type { FullConfig } from '@playwright/test/reporter';

import { githubEvent } from './ci.js';
import { CommitStatus, type Verdict } from './github-status.js';
import { appendSummary } from './github-summary.js';
import type { FailedTest, Results } from './results.js';
import type { Settings } from './settings.js';

/** GitHub shows so many errors and so many warnings of a step. */
const MAX_ANNOTATIONS = 10;
/** Longest wait for GitHub at the end of a run, in milliseconds. */
const END_MS = 5_000;

/** What people see of a run in GitHub Actions: errors at the lines of a change, the job's summary, a commit status. */
export class Github {
  readonly #status: CommitStatus | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly page: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {
    this.#status = CommitStatus.of(settings, page, env, githubEvent(env));
  }

  /** The commit has a status from now on, which leads to the run. */
  begin(): void {
    this.#status?.post('pending', 'the tests run');
  }

  /** Says what the tests came to. Returns a note for the terminal if GitHub does not let it. Takes 5 s at most. */
  async end(results: Results, config: FullConfig, rerun: string | undefined): Promise<string | undefined> {
    const signal = AbortSignal.timeout(END_MS);
    const { env, page } = this;
    if (!annotatesItself(config, env)) {
      const lines = annotations(results, page, env['GITHUB_WORKSPACE'] || process.cwd());
      // Standard output may be a report of somebody else's; GitHub reads both.
      if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`);
    }
    const shard = config.shard ? ` ${config.shard.current}/${config.shard.total}` : '';
    const job = `${this.settings.variant}${shard}`;
    appendSummary(env['GITHUB_STEP_SUMMARY'], { results, page, job, rerun, rootDir: config.rootDir });
    if (this.#status === undefined) {
      const isAsked = this.settings.github === true && !env['GITHUB_TOKEN'];
      return isAsked ? 'there is no commit status: the step needs GITHUB_TOKEN in its env' : undefined;
    }
    return this.#status.end(verdictOf(results, job), config.shard === null, signal);
  }
}

/** Playwright's own reporter for GitHub writes annotations, too. */
function annotatesItself(config: FullConfig, env: NodeJS.ProcessEnv): boolean {
  return env['PW_TEST_REPORTER'] === 'github' || config.reporter.some(([name]) => name === 'github');
}

/** The lines that GitHub makes annotations of: failed tests, errors of none, flaky tests. */
export function annotations(results: Results, page: string, workspace: string): string[] {
  const file = (path: string) => relative(workspace, path).replaceAll('\\', '/');
  const line = (kind: string) => (test: FailedTest) => {
    const title = test.project === '' ? test.title : `${test.title} [${test.project}]`;
    return command(kind, { file: file(test.errorFile), line: String(test.errorLine), title }, test.error);
  };
  const errors = [
    ...results.errors.map((error) => command('error', { title: 'Playwright' }, error)),
    ...results.failed.map(line('error')),
  ];
  const warnings = results.flaky.map(line('warning'));
  return [...atMost(errors, 'error', 'errors', page), ...atMost(warnings, 'warning', 'flaky tests', page)];
}

/** What this job's tests came to. */
function verdictOf(results: Results, job: string): Verdict {
  const { status, failed, flaky, passed, errors } = results;
  const counts = [
    [failed.length, 'failed'],
    [flaky.length, 'flaky'],
    [passed, 'passed'],
  ] as const;
  const words = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  if (failed.length === 0 && errors.length > 0) words.unshift('errors outside of tests');
  if (status !== 'passed' && status !== 'failed') words.unshift(status);
  return { isPassed: status === 'passed', description: `${words.join(', ') || 'no tests'} (${job})` };
}

function atMost(lines: string[], kind: string, what: string, page: string): string[] {
  if (lines.length <= MAX_ANNOTATIONS) return lines;
  const more = lines.length - MAX_ANNOTATIONS + 1;
  return [...lines.slice(0, MAX_ANNOTATIONS - 1), command(kind, { title: `${more} more ${what}` }, page)];
}

/** A workflow command, escaped as GitHub wants it. */
function command(kind: string, properties: Record<string, string>, message: string): string {
  const escaped = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const value = (text: string) => escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  const list = Object.entries(properties).map(([name, text]) => `${name}=${value(text)}`);
  return `::${kind} ${list.join(',')}::${escaped(message)}`;
}
