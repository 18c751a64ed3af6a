import type {
  FullConfig,
  FullResult,
  Reporter,
  Suite,
  TestCase,
  TestError,
  TestResult,
  TestStep,
} from '@playwright/test/reporter';

import { guarded } from './guard.js';
import type { Options } from './options.js';
import { Recording, record } from './recording.js';

export type { AttachmentInfo, CiInfo, MaskOptions, Options } from './options.js';

/** What Playwright adds to the options of a reporter. */
export interface PlaywrightOptions {
  /** The directory of the configuration. */
  configDir?: string;
  /** `list` and `merge` run no test. */
  _mode?: string;
  /** In UI mode and in an editor's test server, as Playwright 1.50 says it. */
  _isTestServer?: boolean;
}

/**
 * Posts a run to runcast while it runs. No hook throws, and none waits but `onExit`, which has a limit: the run ends
 * as it would without it.
 */
export default class RuncastReporter implements Reporter {
  readonly #recording: Recording | undefined;

  constructor(options: Options & PlaywrightOptions = {}) {
    this.#recording = guarded('constructor', () => record(options, process.env));
  }

  /** Something else draws the terminal. */
  printsToStdio(): boolean {
    return false;
  }

  onBegin(config: FullConfig, suite: Suite): void {
    guarded('onBegin', () => this.#recording?.begin(config, suite));
  }

  onTestBegin(test: TestCase, result: TestResult): void {
    guarded('onTestBegin', () => this.#recording?.testBegin(test, result));
  }

  onStepBegin(test: TestCase, result: TestResult, step: TestStep): void {
    guarded('onStepBegin', () => this.#recording?.stepBegin(test, result, step));
  }

  onStepEnd(test: TestCase, result: TestResult, step: TestStep): void {
    guarded('onStepEnd', () => this.#recording?.stepEnd(test, result, step));
  }

  onStdOut(chunk: string | Buffer, test: void | TestCase, result: void | TestResult): void {
    guarded('onStdOut', () => this.#recording?.output('stdout', chunk, test, result));
  }

  onStdErr(chunk: string | Buffer, test: void | TestCase, result: void | TestResult): void {
    guarded('onStdErr', () => this.#recording?.output('stderr', chunk, test, result));
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    guarded('onTestEnd', () => this.#recording?.testEnd(test, result));
  }

  onError(error: TestError): void {
    guarded('onError', () => this.#recording?.error(error));
  }

  async onEnd(result: FullResult): Promise<void> {
    await guarded('onEnd', () => this.#recording?.end(result));
  }

  async onExit(): Promise<void> {
    await guarded('onExit', () => this.#recording?.exit());
  }
}
