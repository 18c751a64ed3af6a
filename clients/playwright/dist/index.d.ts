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

import type * as options from './options.js';

/** Posts a run to runcast while it runs: `reporter: [['@runcast/playwright', { url: 'https://runcast.example' }]]`. */
declare class RuncastReporter implements Reporter {
  constructor(options?: options.Options);
  printsToStdio(): boolean;
  onBegin(config: FullConfig, suite: Suite): void;
  onTestBegin(test: TestCase, result: TestResult): void;
  onStepBegin(test: TestCase, result: TestResult, step: TestStep): void;
  onStepEnd(test: TestCase, result: TestResult, step: TestStep): void;
  onStdOut(chunk: string | Buffer, test: void | TestCase, result: void | TestResult): void;
  onStdErr(chunk: string | Buffer, test: void | TestCase, result: void | TestResult): void;
  onTestEnd(test: TestCase, result: TestResult): void;
  onError(error: TestError): void;
  onEnd(result: FullResult): Promise<void>;
  onExit(): Promise<void>;
}

declare namespace RuncastReporter {
  export { RuncastReporter as default };
  export type Options = options.Options;
  export type MaskOptions = options.MaskOptions;
  export type AttachmentInfo = options.AttachmentInfo;
  export type CiInfo = options.CiInfo;
}

export = RuncastReporter;
