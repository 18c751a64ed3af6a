/** A test as the tree shows it. */
import type { TestKey, TestRow } from '../model.js';
import { BETWEEN_TITLES } from './read.js';
import type { TestFacts } from './facts.js';
import type { Slots } from './slots.js';
import type { TestState } from './state.js';

/** What rows are made with. */
export interface RowView {
  facts: TestFacts;
  slots: Slots;
  /** Seq up to which things are known. */
  seq: number;
  /** Whether a producer holds in a pause, and failing tests are held open. */
  isPaused(producer: string | null): boolean;
  holds: boolean;
  /** The open question of a test. */
  askOf(key: TestKey): string | null;
}

export function testRowOf(key: TestKey, test: TestState, view: RowView): TestRow {
  const { facts, slots, seq } = view;
  const attempt = test.attempt ?? 0;
  const isRunning = test.status === 'running';
  const failure = test.error === null ? test.attempts?.findLast((one) => one.error != null) : undefined;
  const step = test.step;
  return {
    key,
    testId: test.testId,
    variant: test.variant ?? null,
    path: (test.title ?? test.testId).split(BETWEEN_TITLES),
    file: test.file,
    line: test.line,
    project: test.project ?? null,
    tags: test.tags ?? [],
    annotations: (test.annotations ?? []).map(({ type, description }) => ({ type, description: description ?? null })),
    order: facts.order(key),
    status: test.status as TestRow['status'],
    outcome: (test.outcome ?? null) as TestRow['outcome'],
    attempt,
    producer: test.producer ?? null,
    slot: test.slot ?? null,
    slotLabel: slots.label(test.producer, test.slot),
    startedAt: facts.startedAt(key, attempt, seq),
    durationMs: test.durationMs,
    error: test.error ?? failure?.error ?? null,
    errorLocation: test.location ?? failure?.location ?? null,
    step:
      step === null
        ? null
        : {
            id: step.id,
            title: step.title ?? '',
            subtitle: step.subtitle ?? null,
            startedAt: facts.stepStartedAt(key, step.id, seq),
            box: facts.stepBox(key, step.id, seq),
          },
    url: facts.url(key, seq),
    failedSeq: test.outcome === 'unexpected' || test.outcome === 'flaky' ? facts.failedSeq(key, seq) : null,
    paused: isRunning && view.isPaused(test.producer ?? null),
    askId: view.askOf(key),
    held: view.holds && isRunning && test.failedStep != null,
  };
}
