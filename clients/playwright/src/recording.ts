import { connect, type NewEvent, Publisher } from '@runcast/client';
import type { FullConfig, FullResult, Suite, TestCase, TestError, TestResult, TestStep } from '@playwright/test/reporter';

import { Attachments } from './attachments.js';
import { Attempts } from './attempts.js';
import { Commands } from './commands.js';
import { Descriptions } from './describe.js';
import type { PlaywrightOptions } from './index.js';
import { Masker } from './mask.js';
import type { Options } from './options.js';
import { Output } from './output.js';
import { plans } from './plan.js';
import type { Settings } from './settings.js';
import { settle } from './settle.js';
import { atSigterm } from './signals.js';
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
  readonly #leave: () => void;
  readonly #env: NodeJS.ProcessEnv;
  #hasBegunTests = false;
  #hasJoined = false;
  #hasEnded = false;

  constructor(settings: Settings, env: NodeJS.ProcessEnv) {
    this.#settings = settings;
    this.#env = env;
    this.#terminal = new Terminal(settings, env);
    this.#masker = new Masker(settings.mask, env, [settings.token]);
    const commands = new Commands();
    const token = settings.token;
    const run = connect({ url: settings.url, ...(token !== undefined && { token }) }).run(settings.runId);
    this.#publisher = run.publish({
      variant: settings.variant,
      queueBytes: settings.queueBytes,
      closeTimeoutMs: settings.endTimeoutMs,
      spillFile: this.#terminal.spillFile,
      commands: true,
      onCommand: (command) => commands.obey(this.#publisher, command),
      onError: (problem) => this.#terminal.problem(problem),
    });
    const emit = (event: NewEvent) => void this.#publisher.emit(event);
    this.#describe = new Descriptions(settings.configDir, this.#masker);
    this.#attachments = new Attachments(run, settings, this.#terminal);
    this.#attempts = new Attempts(settings, this.#describe, this.#masker, this.#attachments, emit);
    this.#output = new Output(this.#masker, emit);
    this.#leave = atSigterm(() => this.#die());
    this.#terminal.link();
    this.#emit('run_status', { status: 'queued', data: { meta: settings.meta } });
  }

  begin(config: FullConfig, suite: Suite): void {
    this.#describe.rootDir = config.rootDir;
    this.#masker.environment(this.#env);
    const tests = suite.allTests();
    const workers = workersOf(config);
    this.#join(config, workers);
    const data = { total: tests.length, workers, meta: this.#settings.meta };
    this.#emit('run_status', { status: 'running', data });
    for (const plan of plans(tests, this.#describe)) this.#emit('test_plan', { tests: plan });
    this.#terminal.begin(config);
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
    this.#terminal.testEnd(test, result);
  }

  error(error: TestError): void {
    this.#emit('error', { error: this.#describe.error(error) });
    this.#terminal.error(error);
  }

  async end(result: FullResult): Promise<void> {
    this.#output.flush();
    this.#attempts.endAll('interrupted');
    this.#say(result.status, Math.round(result.duration));
    this.#hasEnded = true;
    this.#leave();
    await Promise.all([this.#publisher.flush({ timeoutMs: this.#settings.endTimeoutMs }), this.#attachments.finish()]);
  }

  async exit(): Promise<void> {
    this.#leave();
    if (!this.#hasEnded) this.#say('interrupted');
    const report = await this.#publisher.close();
    await this.#terminal.end(report, this.#publisher.stats);
  }

  /** SIGTERM: Playwright does not live to call `onEnd`. */
  async #die(): Promise<void> {
    this.#output.flush();
    this.#attempts.endAll('interrupted');
    if (!this.#hasEnded) this.#say('interrupted');
    this.#hasEnded = true;
    await this.#publisher.close({ timeoutMs: 1_500 });
  }

  #join({ shard }: FullConfig, workers: number): void {
    if (this.#hasJoined) return;
    this.#hasJoined = true;
    const slots = Math.min(SLOTS, Math.max(1, workers));
    this.#emit('worker', { state: 'joined', can: ['cancel'], slots, ...(shard && { shard }) });
  }

  #say(status: string, durationMs?: number): void {
    this.#emit('run_status', { status, ...(durationMs !== undefined && { data: { durationMs } }) });
    if (this.#hasJoined) this.#emit('worker', { state: 'left' });
  }

  #emit(type: string, members: Record<string, unknown>): void {
    void this.#publisher.emit({ type, ...members });
  }
}

/** How many tests run at a time: no more than there are. */
function workersOf({ metadata, workers }: FullConfig): number {
  const actual: unknown = metadata['actualWorkers'];
  return typeof actual === 'number' ? actual : workers;
}
