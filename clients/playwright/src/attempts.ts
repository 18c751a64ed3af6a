import type { NewEvent } from '@runcast/client';
import type { TestCase, TestResult, TestStep } from '@playwright/test/reporter';

import type { Attachments } from './attachments.js';
import type { Descriptions } from './describe.js';
import type { Settings } from './settings.js';

/** One attempt at a test. */
interface Attempt {
  test: TestCase;
  result: TestResult;
  /** Steps that have begun, also those that have ended. */
  count: number;
  /** Those that have not ended, with their numbers, in order. */
  open: Map<TestStep, number>;
}

/** The attempts at tests that run, and their steps as trees. */
export class Attempts {
  readonly #attempts = new Map<TestResult, Attempt>();
  /** The numbers of steps, by identity: Playwright gives them none. */
  readonly #numbers = new WeakMap<TestStep, number>();

  constructor(
    private readonly settings: Settings,
    private readonly describe: Descriptions,
    private readonly attachments: Attachments,
    private readonly emit: (event: NewEvent) => void,
  ) {}

  begin(test: TestCase, result: TestResult): void {
    this.#attempts.set(result, { test, result, count: 0, open: new Map() });
    this.#status(test, result, 'running', { title: this.describe.title(test) });
  }

  stepBegin(test: TestCase, result: TestResult, step: TestStep): void {
    void [this.settings, this.attachments, test, result, step, this.#numbers];
  }

  stepEnd(_test: TestCase, _result: TestResult, _step: TestStep): void {}

  end(test: TestCase, result: TestResult): void {
    this.#attempts.delete(result);
    this.#status(test, result, result.status, { durationMs: result.duration, outcome: test.outcome() });
  }

  /** Ends what runs: the process goes. */
  endAll(status: string): void {
    for (const { test, result } of this.#attempts.values()) this.#status(test, result, status, {});
    this.#attempts.clear();
  }

  #status(test: TestCase, result: TestResult, status: string, more: Record<string, unknown>): void {
    const { retry: attempt, workerIndex, parallelIndex: slot } = result;
    const expected = test.expectedStatus.toLowerCase();
    const data = { attempt, workerIndex, slot, expected, ...more };
    this.emit({ type: 'test_status', testId: test.id, status: status.toLowerCase(), data });
  }
}
