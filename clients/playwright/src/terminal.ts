import { isAbsolute, join, relative } from 'node:path';

import type { FlushReport, Hints, PublisherStats, PublishProblem } from '@runcast/client';
import type { FullConfig, Suite, TestError } from '@playwright/test/reporter';

import { Github } from './github.js';
import { annotate } from './gitlab.js';
import type { Masker } from './mask.js';
import { remedy } from './remedies.js';
import { rerunCommand } from './rerun.js';
import { type Results, resultsOf } from './results.js';
import type { Settings } from './settings.js';
import { commandLine } from './shell.js';

/** Lines that wait at most for the end of what is drawn. */
const MAX_HELD = 100;
/** Errors that belong to no test are told at the end up to this number. */
const MAX_ERRORS = 10;

const told = new Set<string>();
/** Lines that wait for another reporter to have drawn the terminal; undefined: none is drawing. */
let held: string[] | undefined;

/** A line for people, on standard error: standard output may belong to another reporter. */
export function say(line: string): void {
  if (held !== undefined && held.length < MAX_HELD) held.push(line);
  else process.stderr.write(`runcast: ${line}\n`);
}

/** A warning, once for each key. */
export function warnOnce(key: string, line: string): void {
  if (told.has(key)) return;
  told.add(key);
  say(line);
}

/** From now on another reporter draws progress in the terminal: a line of ours would be overwritten, or misplace its. */
function hold(): void {
  if (held !== undefined || process.stderr.isTTY !== true || process.stdout.isTTY !== true) return;
  held = [];
  process.prependListener('exit', release);
}

/** Nothing is drawn any more: says what was held back. */
export function release(): void {
  const lines = held ?? [];
  held = undefined;
  process.off('exit', release);
  lines.forEach((line) => say(line));
}

/** What people read in the terminal and in CI. */
export class Terminal {
  /** Where events go that can't be posted. */
  readonly spillFile: string;
  /** The page of the run. */
  readonly #page: string;
  readonly #github: Github | undefined;
  readonly #errors: string[] = [];
  #config: FullConfig | undefined;
  #suite: Suite | undefined;
  #results: Results | undefined;
  /** The command that runs the failed tests again. */
  #rerun: string | undefined;
  /** The first reason for which an event was refused. */
  #refusal: string | undefined;
  #hasEnded = false;

  constructor(
    private readonly settings: Settings,
    private readonly env: NodeJS.ProcessEnv,
    private readonly masker: Pick<Masker, 'text'>,
  ) {
    const { configDir, runId, producer, url } = settings;
    this.spillFile = join(configDir, '.runcast', `${runId}-${producer.slice(0, 8)}.ndjson`);
    this.#page = `${url[0]}/runs/${encodeURIComponent(runId)}`;
    if (settings.ci.name === 'github' && settings.github !== false)
      this.#github = new Github(settings, this.#page, env);
  }

  /** The run begins. */
  link(): void {
    if (this.settings.printLink !== false) {
      const notice = 'secrets are masked in events, not in screens, traces and attachments';
      say(`watch this run at ${this.#page} (${notice})`);
    }
    this.#github?.begin();
    if (this.settings.ci.name === 'gitlab') annotate(this.#page, this.env);
  }

  /** The tests are known. */
  begin(config: FullConfig, suite: Suite): void {
    this.#config = config;
    this.#suite = suite;
    const { shard } = config;
    if (shard && !this.settings.isSharedRun) {
      const which = `shard ${shard.current} of ${shard.total}`;
      say(
        `this is ${which}, and other machines do not know the id of this run: set RUNCAST_RUN to the same in all of them`,
      );
    }
    hold();
  }

  error(error: TestError): void {
    if (this.#errors.length < MAX_ERRORS) this.#errors.push(this.masker.text(error.message ?? error.value ?? ''));
  }

  /**
   * All tests have ended. Returns a line with the command that runs the failed ones again, for the run's log; undefined:
   * none failed, or they are too many for a command.
   */
  over(status: string): string | undefined {
    const suite = this.#suite;
    if (suite === undefined || this.#config === undefined) return undefined;
    this.#results = resultsOf(suite, status, this.#errors, (text) => this.masker.text(text));
    this.#rerun = rerunCommand(this.#results.failed, this.#config);
    return this.#rerunLine;
  }

  problem(problem: PublishProblem, stats: PublisherStats): void {
    const { kind, message, cause } = problem;
    if (kind === 'unreachable') {
      const reason = `${message.replace(/^events wait: (?:no_build_token: )?/, '')}${remedy(cause)}`;
      warnOnce(`unreachable ${this.settings.runId}`, `${reason}; the tests go on, and what waits is posted later`);
    } else if (kind === 'ended') {
      warnOnce(`ended ${this.settings.runId}`, `${message}; for a new run write another id into RUNCAST_RUN`);
    } else if (kind === 'spilled') {
      this.#spilled(stats.spilled);
    } else if (kind === 'lost') {
      const reason = cause instanceof Error ? ` (${cause.message})` : '';
      say(`${message}, nor written to ${this.spillFile}${reason}: they are lost`);
    } else if (kind === 'callback') {
      warnOnce('callback', message);
    } else if (kind === 'event-refused') {
      this.#refusal ??= message.replace(/^an event /, '');
    }
  }

  /** The server's hints have changed. */
  hints({ clientOutdated }: Hints): void {
    if (clientOutdated === undefined) return;
    const newer = `${this.settings.url[0]}/clients`;
    const version = `the server has version ${clientOutdated}`;
    warnOnce('outdated', `${version}, and this reporter is older: ${newer} says how to install its own`);
  }

  /** Everything is posted, or kept in files. Waits for GitHub, 5 s at most. */
  async end(_report: FlushReport, stats: PublisherStats): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    release();
    this.#counts(stats);
    const rerun = this.#rerunLine;
    if (rerun !== undefined) say(rerun);
    if (this.settings.printLink === 'both') say(`this run is at ${this.#page}`);
    if (this.#github === undefined || this.#results === undefined || this.#config === undefined) return;
    const note = await this.#github.end(this.#results, this.#config, this.#rerun);
    if (note !== undefined) say(note);
  }

  get #rerunLine(): string | undefined {
    const shard = this.#config?.shard;
    const which = shard ? ` of shard ${shard.current} of ${shard.total}` : '';
    return this.#rerun && `to run the failed tests${which} again: ${this.#rerun}`;
  }

  /** What was not posted as it was. */
  #counts({ state, dropped, refused, shortened }: PublisherStats): void {
    const queueMb = this.settings.queueBytes / 1024 / 1024;
    if (dropped > 0) say(`events left out because ${queueMb} MiB waited for the server (queueMb): ${dropped}`);
    if (refused > 0 && state !== 'ended') {
      say(`events that the server refused: ${refused}${this.#refusal ? `; the first one ${this.#refusal}` : ''}`);
    }
    if (shortened > 0) say(`events that were too large and were posted shorter: ${shortened}`);
  }

  /** Events were written to the spill file. */
  #spilled(count: number): void {
    const { url, runId } = this.settings;
    const near = relative(process.cwd(), this.spillFile);
    const file = near.startsWith('..') || isAbsolute(near) ? this.spillFile : near;
    const command = commandLine(['runcast', 'publish', '--url', url.join(','), runId, file]);
    say(`events that the server has not got: ${count}; post them when it is back: ${command}`);
  }
}
