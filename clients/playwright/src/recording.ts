import { connect, type NewEvent, Publisher } from '@runcast/client';
import type {
  FullConfig,
  FullResult,
  Suite,
  TestCase,
  TestError,
  TestResult,
  TestStep,
} from '@playwright/test/reporter';

import { Attachments } from './attachments.js';
import { Attempts } from './attempts.js';
import { Commands } from './commands.js';
import { Descriptions } from './describe.js';
import { End } from './ending.js';
import { capturedCommit } from './git.js';
import { guarded } from './guard.js';
import type { PlaywrightOptions } from './index.js';
import { kept } from './kept.js';
import { Masker } from './mask.js';
import type { Options } from './options.js';
import { Output } from './output.js';
import { plans } from './plan.js';
import type { Settings } from './settings.js';
import { settle } from './settle.js';
import { Terminal } from './terminal.js';

/** Most tests that a worker may say it runs at a time. */
const SLOTS = 1_000;

/** What a run is posted by; undefined if it is not to be posted. */
export function record(options: Options & PlaywrightOptions, env: NodeJS.ProcessEnv): Recording | undefined {
  const settings = settle(options, env);
  return settings && new Recording(settings, env);
}

/** One run of Playwright, as the events of one producer. */
export class Recording {
  readonly #settings: Settings;
  readonly #terminal: Terminal;
  readonly #publisher: Publisher;
  readonly #masker: Masker;
  readonly #describe: Descriptions;
  readonly #attempts: Attempts;
  readonly #output: Output;
  readonly #attachments: Attachments;
  readonly #commands = new Commands();
  readonly #end: End;
  readonly #env: NodeJS.ProcessEnv;
  #hasBegunTests = false;
  #hasJoined = false;
  #hasEnded = false;
  /** Playwright has ended the run. Behind a global timeout it may still tell how tests ended. */
  #isOver = false;

  constructor(settings: Settings, env: NodeJS.ProcessEnv) {
    this.#settings = settings;
    this.#env = env;
    this.#masker = new Masker(settings.mask, env, ownSecrets(settings, env));
    this.#terminal = new Terminal(settings, env, this.#masker);
    const token = maskedToken(settings.token, this.#masker);
    const run = connect({ url: settings.url, token }).run(settings.runId);
    this.#publisher = run.publish({
      producer: settings.producer,
      variant: settings.variant,
      queueBytes: settings.queueBytes,
      closeTimeoutMs: settings.endTimeoutMs,
      spillFile: () => kept(this.#terminal.spillFile),
      commands: true,
      onCommand: (command) => this.#commands.obey(this.#publisher, command),
      onHints: (hints) => this.#terminal.hints(hints),
      onError: (problem) => this.#terminal.problem(problem, this.#publisher.stats),
    });
    const emit = (event: NewEvent) => this.#post(event);
    this.#describe = new Descriptions(settings.configDir, this.#masker);
    this.#attachments = new Attachments(run, settings, this.#terminal, this.#masker);
    this.#attempts = new Attempts(settings, this.#describe, this.#masker, this.#attachments, emit);
    this.#output = new Output(this.#masker, emit);
    this.#end = new End(this.#publisher, this.#attachments, this.#terminal, settings, () => this.#interrupt());
    this.#terminal.link();
    this.#emit('run_status', { status: 'queued', data: { meta: settings.meta } });
  }

  begin(config: FullConfig, suite: Suite): void {
    this.#describe.rootDir = config.rootDir;
    this.#settings.meta = { ...capturedCommit(config.metadata), ...this.#settings.meta };
    this.#masker.environment(this.#env);
    const tests = suite.allTests();
    const workers = workersOf(config);
    this.#join(config, workers);
    const data = { total: tests.length, workers, meta: this.#settings.meta };
    this.#emit('run_status', { status: 'running', data });
    for (const plan of plans(tests, this.#describe)) this.#emit('test_plan', { tests: plan });
    this.#terminal.begin(config, suite);
  }

  testBegin(test: TestCase, result: TestResult): void {
    // Global setups have run.
    if (!this.#hasBegunTests) this.#masker.environment(this.#env);
    this.#hasBegunTests = true;
    this.#attempts.begin(test, result);
  }

  stepBegin(test: TestCase, result: TestResult, step: TestStep): void {
    this.#output.settle(test.id, result.retry);
    this.#attempts.stepBegin(test, result, step);
  }

  stepEnd(test: TestCase, result: TestResult, step: TestStep): void {
    this.#output.settle(test.id, result.retry);
    this.#attempts.stepEnd(test, result, step);
  }

  output(stream: 'stdout' | 'stderr', chunk: string | Buffer, test: TestCase | void, result: TestResult | void): void {
    if (this.#settings.stdio) this.#output.write(stream, chunk, test?.id, result?.retry);
  }

  testEnd(test: TestCase, result: TestResult): void {
    this.#output.flush(test.id, result.retry);
    this.#attempts.end(test, result);
  }

  error(error: TestError): void {
    this.#emit('error', { error: this.#describe.error(error) });
    this.#terminal.error(error);
  }

  end(result: FullResult): void {
    const isCancelled = result.status === 'interrupted' && this.#commands.isCancelled;
    this.#close(isCancelled ? 'cancelled' : result.status, Math.round(result.duration));
    this.#isOver = true;
    this.#end.begin();
  }

  exit(): Promise<void> {
    this.#interrupt();
    return this.#end.finish();
  }

  /** The run ends without Playwright's `onEnd`, unless it has ended. */
  #interrupt(): void {
    if (!this.#hasEnded) this.#close('interrupted');
  }

  /** Ends what is open, and says how the run ended. */
  #close(status: string, durationMs?: number): void {
    this.#hasEnded = true;
    this.#output.flush();
    this.#attempts.endAll('interrupted');
    const rerun = guarded('onEnd', () => this.#terminal.over(status));
    if (rerun !== undefined) this.#emit('log', { stream: 'stderr', text: `${rerun}\n` });
    this.#emit('run_status', { status, ...(durationMs !== undefined && { data: { durationMs } }) });
    if (this.#hasJoined) this.#emit('worker', { state: 'left' });
  }

  #join({ shard }: FullConfig, workers: number): void {
    if (this.#hasJoined) return;
    this.#hasJoined = true;
    const slots = Math.min(SLOTS, Math.max(1, workers));
    this.#emit('worker', { state: 'joined', can: ['cancel'], slots, ...(shard && { shard }) });
  }

  #emit(type: string, members: Record<string, unknown>): void {
    this.#post({ type, ...members });
  }

  #post(event: NewEvent): void {
    if (!this.#isOver && !this.#end.isOver) void this.#publisher.emit(event);
  }
}

/** What the reporter itself shows to servers. */
function ownSecrets({ token }: Settings, env: NodeJS.ProcessEnv): (string | undefined)[] {
  const given = typeof token === 'string' ? token : undefined;
  return [given, env['RUNCAST_JWT']?.trim(), env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']];
}

/** The same token; one that is fetched is masked from then on. */
function maskedToken(token: Settings['token'], masker: Masker): Settings['token'] {
  if (typeof token !== 'function') return token;
  const fetchToken = async (refused?: string) => {
    const answer = await token(refused);
    const value = typeof answer === 'object' ? answer.token : answer;
    if (value !== undefined) masker.own(value);
    return answer;
  };
  return Object.assign(fetchToken, { renew: () => token.renew?.() });
}

/** How many tests run at a time: no more than there are. */
function workersOf({ metadata, workers }: FullConfig): number {
  const actual: unknown = metadata['actualWorkers'];
  return typeof actual === 'number' ? actual : workers;
}
