import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { buildToken } from '@runcast/client';

import { faults, tokenFault, urlFault, variantFault } from './checks.js';
import { ciOf, fitRunId, isRunId } from './ci.js';
import { gitState } from './git.js';
import type { PlaywrightOptions } from './index.js';
import type { CiInfo, Options } from './options.js';
import type { Settings } from './settings.js';
import { warnOnce } from './terminal.js';

const MiB = 1024 * 1024;
/** The names of systems that people use, by those of Node.js. */
const SYSTEMS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'macos', win32: 'windows' };

/** What the settings depend on besides options and environment. */
export interface Surroundings {
  /** The arguments of Playwright's command line, from `test` on. */
  args: string[];
  platform: NodeJS.Platform;
  now: Date;
  warn(message: string): void;
}

/**
 * The settings of this run, of options, environment, CI and defaults, in this order; undefined if nothing is to be
 * posted. It never throws: what is wrong is told, and left out. A fault in what keeps secrets back (`mask`) turns the
 * reporter off, and one in `attachments` or `stdio` the part that it is about.
 */
export function settle(
  options: Options & PlaywrightOptions,
  env: NodeJS.ProcessEnv,
  around: Partial<Surroundings> = {},
): Settings | undefined {
  const { args = process.argv.slice(2), platform = process.platform, now = new Date() } = around;
  const warn = around.warn ?? ((message) => warnOnce(message, message));
  if (options._mode !== undefined && options._mode !== 'test') return undefined;
  const fromEnv = (name: string) => env[name]?.trim() || undefined;
  if (options.url === undefined && fromEnv('RUNCAST_URL') === undefined) return undefined;

  const wrong = new Set<keyof Options>();
  const messages: string[] = [];
  for (const { name, message } of faults(options as Record<string, unknown>)) {
    if (name !== undefined) wrong.add(name);
    messages.push(message + (name === undefined ? '' : (OUTCOMES[name] ?? '; it is left out')));
  }
  const option: Chosen = (name) => (wrong.has(name) ? undefined : options[name]);
  const checked = (name: string, fault: (value: string) => string | undefined, outcome = '; it is left out') => {
    const value = fromEnv(name);
    const wanted = value === undefined ? undefined : fault(value);
    if (wanted !== undefined) messages.push(`${name}: ${wanted}${outcome}`);
    return wanted === undefined ? value : undefined;
  };

  const enabled = wrong.has('enabled')
    ? undefined
    : (options.enabled ?? enabledBy(checked('RUNCAST_ENABLED', enabledFault)));
  const isCi = fromEnv('CI') !== undefined && !/^(0|false)$/i.test(env['CI'] ?? '');
  if (enabled === false || (enabled === 'ci' && !isCi) || (enabled !== true && isEditor(options, env, args)))
    return undefined;
  const tell = () => messages.forEach((message) => warn(message));
  const url =
    option('url') ?? (wrong.has('url') ? undefined : checked('RUNCAST_URL', urlsFault, OUTCOMES.url)?.split(','));
  if (url === undefined || wrong.has('mask')) return void tell();

  const ci = ciOf(env);
  const configDir = options.configDir ?? process.cwd();
  const wanted = wrong.has('run') ? undefined : runOf(options.run, ci, messages);
  const sharedId = wanted ?? checked('RUNCAST_RUN', runFault) ?? ci.runId;
  const urls = (Array.isArray(url) ? url : [url]).map((each) => each.trim().replace(/\/+$/, ''));
  const token = option('token') ?? checked('RUNCAST_TOKEN', tokenFault) ?? buildToken(urls, env);
  const variant = checked('RUNCAST_VARIANT', variantFault) ?? option('variant') ?? SYSTEMS[platform] ?? platform;
  const settings: Settings = {
    url: urls,
    token: typeof token === 'string' ? token.trim() : token,
    runId: sharedId ?? localId(now),
    isSharedRun: sharedId !== undefined,
    producer: randomUUID(),
    variant: variant.trim(),
    ci,
    steps: option('steps') ?? 'all',
    stdio: option('stdio') ?? !wrong.has('stdio'),
    attachments: option('attachments') ?? !wrong.has('attachments'),
    attachmentMaxBytes: (option('attachmentMaxMb') ?? 100) * MiB,
    mask: option('mask') ?? {},
    endTimeoutMs: (option('endTimeoutSecs') ?? 15) * 1000,
    queueBytes: (option('queueMb') ?? 16) * MiB,
    printLink: option('printLink') ?? 'start',
    github: option('github'),
    meta: metaOf(option, ci, configDir),
    configDir,
  };
  tell();
  return settings;
}

/** An option's value; undefined: it is missing, or wrong. */
type Chosen = <Name extends keyof Options>(name: Name) => Options[Name] | undefined;

/** What a fault in an option comes to, where it is not left out alone. */
const OUTCOMES: Partial<Record<keyof Options, string>> = {
  url: '; nothing is posted',
  mask: '; nothing is posted, since secrets might be in it',
  attachments: '; no attachment is uploaded',
  stdio: '; no output is posted',
};

/** UI mode, an editor's test server, or what older versions of the VS Code extension start: a run at each click. */
function isEditor(options: PlaywrightOptions, env: NodeJS.ProcessEnv, args: string[]): boolean {
  return (
    options._isTestServer === true ||
    args[0] === 'test-server' ||
    args.some((arg) => /^--ui(-host|-port)?(=|$)/.test(arg)) ||
    env['PW_TEST_REPORTER_WS_ENDPOINT'] !== undefined
  );
}

function enabledBy(value: string | undefined): Options['enabled'] {
  if (value === undefined) return undefined;
  return value === 'ci' ? 'ci' : /^(1|true|yes|on)$/i.test(value);
}

function enabledFault(value: string): string | undefined {
  return /^(1|true|yes|on|0|false|no|off|ci)$/i.test(value) ? undefined : 'write 1, 0 or ci';
}

function urlsFault(value: string): string | undefined {
  return value
    .split(',')
    .map(urlFault)
    .find((fault) => fault !== undefined);
}

function runFault(value: unknown): string | undefined {
  if (typeof value === 'string' && isRunId(value)) return undefined;
  const isText = typeof value === 'string';
  const fit = isText ? fitRunId(value) : '';
  const rule = 'an id has 1 to 128 of A-Z a-z 0-9 . _ : - and begins with a letter or digit';
  const said = isText ? `'${value.slice(0, 140)}' can't be` : 'that is not';
  return `${said} the id of a run: ${rule}${fit && `: write '${fit}'`}`;
}

/** The id that the option gives. */
function runOf(run: Options['run'], ci: CiInfo, messages: string[]): string | undefined {
  if (run === undefined) return undefined;
  let id: unknown;
  try {
    id = typeof run === 'function' ? run(ci) : run;
  } catch (error) {
    const thrown = String(error).slice(0, 200);
    messages.push(`option \`run\`: the function threw ${thrown}: write one that returns an id; it is left out`);
    return undefined;
  }
  const fault = runFault(id);
  if (fault !== undefined) messages.push(`option \`run\`: ${fault}; it is left out`);
  return fault === undefined ? (id as string) : undefined;
}

/** `local-YYYYMMDD-HHMMSS-xxxx`, by the clock on the wall. */
function localId(now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return `local-${date}-${time}-${randomBytes(2).toString('hex')}`;
}

function metaOf(option: Chosen, ci: CiInfo, configDir: string): Record<string, unknown> {
  const { number, author, url: ciUrl } = ci;
  const title = option('title') ?? ci.title;
  const project = option('project') ?? ci.project ?? packageName(configDir);
  const labels = [...new Set([...(option('labels') ?? []), ...(ci.labels ?? [])])].slice(0, 20);
  const git = ci.commit !== undefined && ci.branch !== undefined ? {} : stateOf(configDir);
  const { branch = git.branch, commit = git.commit } = ci;
  const meta = {
    project,
    number,
    title,
    branch,
    commit,
    author,
    ciUrl,
    labels: labels.length > 0 ? labels : undefined,
  };
  return Object.fromEntries(Object.entries(meta).filter(([, value]) => value !== undefined));
}

function stateOf(dir: string): { branch?: string; commit?: string } {
  try {
    return gitState(dir);
  } catch {
    return {};
  }
}

/** The name in the `package.json` of a directory, or the next one above it. */
function packageName(dir: string): string | undefined {
  for (let at = dir; ; at = dirname(at)) {
    try {
      const { name } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as { name?: unknown };
      if (typeof name === 'string' && name !== '') return name;
    } catch {
      // None here, or none that can be read.
    }
    if (dirname(at) === at) return undefined;
  }
}
