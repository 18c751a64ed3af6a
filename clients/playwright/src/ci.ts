import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { CiInfo } from './options.js';

type Env = NodeJS.ProcessEnv;

/** What GitHub says of the event that the workflow runs for, as far as it is needed. */
export interface GithubEvent {
  pull_request?: {
    number?: number;
    title?: string;
    head?: { sha?: string; repo?: { full_name?: string } | null };
    base?: { repo?: { full_name?: string } };
    user?: { login?: string };
  };
  head_commit?: { message?: string; author?: { name?: string } } | null;
}

/** The CI job that runs the tests, by its environment; empty where there is none, or none that is known. */
export function ciOf(env: Env): CiInfo {
  const found = JOBS.find(({ is }) => is(env));
  return found === undefined ? {} : compact(found.info(env));
}

/** The event of a GitHub workflow; undefined if it can't be read. */
export function githubEvent(env: Env): GithubEvent | undefined {
  try {
    const event: unknown = JSON.parse(readFileSync(env['GITHUB_EVENT_PATH'] ?? '', 'utf8'));
    return typeof event === 'object' && event !== null ? event : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a text can be the id of a run. */
export function isRunId(id: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/.test(id);
}

/** A run's id of parts that a CI names; undefined if one is missing. What no id may have is replaced; ids stay apart. */
export function runIdOf(...parts: (string | undefined)[]): string | undefined {
  if (parts.some((part) => part === undefined || part === '')) return undefined;
  const id = parts.join('-');
  if (isRunId(id)) return id;
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 8);
  return `${fitRunId(id).slice(0, 119)}-${hash}`;
}

/** A text with what no run id may have replaced. */
export function fitRunId(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._:-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '')
    .slice(0, 128);
}

const JOBS: { is(env: Env): boolean; info(env: Env): { [name in keyof CiInfo]: CiInfo[name] | undefined } }[] = [
  { is: (env) => env['GITHUB_ACTIONS'] === 'true', info: github },
  { is: (env) => isSet(env['GITLAB_CI']), info: gitlab },
  {
    is: (env) => isSet(env['BUILDKITE']),
    info: (env) => ({
      name: 'buildkite',
      runId: runIdOf('bk', env['BUILDKITE_BUILD_ID']),
      project: env['BUILDKITE_PIPELINE_SLUG'],
      number: whole(env['BUILDKITE_BUILD_NUMBER']),
      title: firstLine(env['BUILDKITE_MESSAGE']),
      branch: env['BUILDKITE_BRANCH'],
      commit: hash(env['BUILDKITE_COMMIT']),
      author: env['BUILDKITE_BUILD_AUTHOR'] || env['BUILDKITE_BUILD_CREATOR'],
      url: env['BUILDKITE_BUILD_URL'],
      labels: list(env['BUILDKITE_SOURCE']),
    }),
  },
  {
    is: (env) => isSet(env['CIRCLECI']),
    info: (env) => ({
      name: 'circleci',
      runId: runIdOf('circle', env['CIRCLE_WORKFLOW_ID']),
      project: slashed(env['CIRCLE_PROJECT_USERNAME'], env['CIRCLE_PROJECT_REPONAME']),
      branch: env['CIRCLE_BRANCH'] || env['CIRCLE_TAG'],
      commit: hash(env['CIRCLE_SHA1']),
      author: env['CIRCLE_USERNAME'],
      url: env['CIRCLE_BUILD_URL'],
      labels: list(env['CIRCLE_JOB']),
    }),
  },
  {
    is: (env) => isSet(env['JENKINS_URL']) && isSet(env['BUILD_TAG']),
    info: (env) => ({
      name: 'jenkins',
      runId: runIdOf('jk', env['BUILD_TAG']),
      project: env['JOB_NAME'],
      number: whole(env['BUILD_NUMBER']),
      title: firstLine(env['CHANGE_TITLE']),
      branch: env['CHANGE_BRANCH'] || env['BRANCH_NAME'] || env['GIT_BRANCH']?.replace(/^origin\//, ''),
      commit: hash(env['GIT_COMMIT']),
      author: env['CHANGE_AUTHOR_DISPLAY_NAME'] || env['CHANGE_AUTHOR'],
      url: env['BUILD_URL'],
    }),
  },
  { is: (env) => isSet(env['TF_BUILD']), info: azure },
];

function github(env: Env): CiInfo {
  const event = githubEvent(env);
  const pull = event?.pull_request;
  const repository = env['GITHUB_REPOSITORY'];
  const run = env['GITHUB_RUN_ID'];
  return compact({
    name: 'github',
    runId: runIdOf('gh', env['GITHUB_REPOSITORY_ID'] || repository, run, env['GITHUB_RUN_ATTEMPT'] || '1'),
    project: repository,
    number: whole(env['GITHUB_RUN_NUMBER']),
    title: pull?.title ?? firstLine(event?.head_commit?.message) ?? env['GITHUB_WORKFLOW'],
    branch: env['GITHUB_HEAD_REF'] || env['GITHUB_REF_NAME'],
    // Of a pull request GITHUB_SHA is the commit that would merge it, which nobody has made.
    commit: hash(pull?.head?.sha ?? env['GITHUB_SHA']),
    author: pull?.user?.login ?? event?.head_commit?.author?.name ?? env['GITHUB_ACTOR'],
    url: repository && run && `${env['GITHUB_SERVER_URL'] || 'https://github.com'}/${repository}/actions/runs/${run}`,
    labels: list(env['GITHUB_WORKFLOW'], env['GITHUB_EVENT_NAME'], pull?.number?.toString().replace(/^/, '#')),
  });
}

function gitlab(env: Env): CiInfo {
  const request = env['CI_MERGE_REQUEST_IID'];
  return compact({
    name: 'gitlab',
    runId: runIdOf('gl', env['CI_PROJECT_ID'], env['CI_PIPELINE_ID']),
    project: env['CI_PROJECT_PATH'],
    number: whole(env['CI_PIPELINE_IID']),
    title: env['CI_MERGE_REQUEST_TITLE'] || firstLine(env['CI_COMMIT_TITLE']),
    branch: env['CI_MERGE_REQUEST_SOURCE_BRANCH_NAME'] || env['CI_COMMIT_REF_NAME'],
    commit: hash(env['CI_MERGE_REQUEST_SOURCE_BRANCH_SHA'] || env['CI_COMMIT_SHA']),
    author: env['CI_COMMIT_AUTHOR']?.replace(/\s*<[^>]*>\s*$/, ''),
    url: env['CI_PIPELINE_URL'],
    labels: list(env['CI_PIPELINE_SOURCE'], request ? `!${request}` : undefined),
  });
}

function azure(env: Env): CiInfo {
  // Build ids are counted per organisation, so it takes that too. A stage that is run again is another run.
  const attempt = env['SYSTEM_STAGEATTEMPT'] || '1';
  const [organisation, build] = [env['SYSTEM_COLLECTIONID'], env['BUILD_BUILDID']];
  const project = env['SYSTEM_TEAMPROJECT'];
  const branch = env['SYSTEM_PULLREQUEST_SOURCEBRANCH'] || env['BUILD_SOURCEBRANCH'];
  return compact({
    name: 'azure',
    runId: runIdOf('az', organisation, build, attempt),
    project: env['BUILD_REPOSITORY_NAME'] || project,
    number: whole(build),
    title: firstLine(env['BUILD_SOURCEVERSIONMESSAGE']),
    branch: branch?.replace(/^refs\/(heads|tags)\//, ''),
    commit: hash(env['SYSTEM_PULLREQUEST_SOURCECOMMITID'] || env['BUILD_SOURCEVERSION']),
    author: env['BUILD_REQUESTEDFOR'],
    url:
      env['SYSTEM_COLLECTIONURI'] &&
      project &&
      build &&
      `${env['SYSTEM_COLLECTIONURI'].replace(/\/*$/, '/')}${encodeURIComponent(project)}/_build/results?buildId=${build}`,
    labels: list(env['BUILD_DEFINITIONNAME'], env['BUILD_REASON']),
  });
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== 'false';
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function hash(text: string | undefined): string | undefined {
  return text !== undefined && /^[0-9a-f]{7,64}$/i.test(text) ? text : undefined;
}

function firstLine(text: string | undefined): string | undefined {
  return text?.split('\n', 1)[0]?.trim() || undefined;
}

function slashed(...parts: (string | undefined)[]): string | undefined {
  return parts.every(Boolean) ? parts.join('/') : undefined;
}

function list(...words: (string | undefined)[]): string[] {
  return words.filter((word) => word !== undefined && word !== '') as string[];
}

/** Without the members that are not known. */
function compact(info: { [name in keyof CiInfo]: CiInfo[name] | undefined }): CiInfo {
  const isEmpty = (value: unknown) =>
    value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
  const known = Object.entries(info).filter(([, value]) => !isEmpty(value));
  return Object.fromEntries(
    known.map(([name, value]) => [name, typeof value === 'string' ? value.slice(0, 256) : value]),
  );
}
