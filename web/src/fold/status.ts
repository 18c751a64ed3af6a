/** The statuses of runs and tests, as events name them. */

export type RunStatus =
  | 'queued' | 'running' | 'paused' | 'failing' | 'passed' | 'failed'
  | 'timedout' | 'interrupted' | 'cancelled' | 'stalled' | 'lost'; // prettier-ignore

export type TestStatus = 'pending' | 'running' | 'passed' | 'failed' | 'skipped' | 'timedout' | 'interrupted';

export type TestOutcome = 'expected' | 'unexpected' | 'flaky' | 'skipped';

const RUN: ReadonlyMap<string, boolean> = new Map([
  ['queued', false],
  ['running', false],
  ['paused', false],
  ['failing', false],
  ['passed', true],
  ['failed', true],
  ['timedout', true],
  ['interrupted', true],
  ['cancelled', true],
  ['stalled', false],
  ['lost', true],
]);

const TEST: ReadonlyMap<string, TestStatus> = new Map([
  ['pending', 'pending'],
  ['queued', 'pending'],
  ['running', 'running'],
  ['passed', 'passed'],
  ['failed', 'failed'],
  ['skipped', 'skipped'],
  ['timedout', 'timedout'],
  ['timedOut', 'timedout'],
  ['interrupted', 'interrupted'],
]);

const OUTCOMES = new Set(['expected', 'unexpected', 'flaky', 'skipped']);

export function runStatus(value: unknown): RunStatus | undefined {
  return typeof value === 'string' && RUN.has(value) ? (value as RunStatus) : undefined;
}

/** Whether the run has ended. */
export function isOver(status: RunStatus | null | undefined): boolean {
  return status !== null && status !== undefined && RUN.get(status) === true;
}

export function testStatus(value: unknown): TestStatus | undefined {
  return typeof value === 'string' ? TEST.get(value) : undefined;
}

/** Whether the test, or this attempt of it, is over. */
export function isEnd(status: TestStatus): boolean {
  return status !== 'pending' && status !== 'running';
}

export function testOutcome(value: unknown): TestOutcome | undefined {
  return typeof value === 'string' && OUTCOMES.has(value) ? (value as TestOutcome) : undefined;
}

/** The outcome of a test that has ended. `failedBefore`: an earlier attempt had another status than the expected. */
export function outcomeOf(status: TestStatus, expected: TestStatus, failedBefore: boolean): TestOutcome {
  if (status === 'skipped') return 'skipped';
  if (status !== expected) return 'unexpected';
  return failedBefore ? 'flaky' : 'expected';
}
