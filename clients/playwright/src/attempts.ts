import type { NewEvent } from '@runcast/client';
import type { TestCase, TestResult, TestStep } from '@playwright/test/reporter';

import type { AttachmentEntry, Attachments } from './attachments.js';
import type { Descriptions, ErrorDetails } from './describe.js';
import { cutTo, firstOf, fitParams, TITLE_CHARS } from './fit.js';
import type { Masker, StepWords } from './mask.js';
import type { Settings } from './settings.js';

/** Bytes of the attachments that the end of an attempt or of a step names. */
const ATTACHMENTS_BYTES = 49_152;

/** One attempt at a test, until it ends. */
interface Attempt {
  readonly test: TestCase;
  readonly result: TestResult;
  /** The numbers of its steps that are told: Playwright gives them none. */
  readonly numbers: Map<TestStep, number>;
  /** Those of them that have not ended, in order. */
  readonly open: Set<TestStep>;
  /** Its attachments so far, as in `result.attachments`. */
  readonly attached: AttachmentEntry[];
}

/** The attempts at tests that run, and their steps as trees. An attempt is forgotten when it ends. */
export class Attempts {
  readonly #attempts = new Map<TestResult, Attempt>();

  constructor(
    private readonly settings: Settings,
    private readonly describe: Descriptions,
    private readonly masker: Masker,
    private readonly attachments: Attachments,
    private readonly emit: (event: NewEvent) => void,
  ) {}

  begin(test: TestCase, result: TestResult): void {
    this.#attempts.set(result, { test, result, numbers: new Map(), open: new Set(), attached: [] });
    this.#status(test, result, 'running', { title: this.describe.title(test) }, result.startTime);
  }

  /** A step begins. Playwright tells of none before its test begins, or after it has ended. */
  stepBegin(_test: TestCase, result: TestResult, step: TestStep): void {
    const attempt = this.#attempts.get(result);
    if (!attempt) return;
    this.#attach(attempt);
    if (!this.#isTold(step)) {
      this.masker.learn(step, result);
      return;
    }
    const { numbers, open } = attempt;
    numbers.set(step, numbers.size + 1);
    open.add(step);
    this.#step(attempt, step, 'begin', +step.startTime, this.#words(attempt, step));
  }

  stepEnd(_test: TestCase, result: TestResult, step: TestStep): void {
    const attempt = this.#attempts.get(result);
    if (!attempt) return;
    this.#attach(attempt);
    const isOpen = attempt.open.delete(step);
    if (!isOpen) return;
    const { duration, error, attachments = [], annotations = [] } = step;
    const entries = attachments.map((attachment) => this.#entry(attempt, attachment));
    this.#step(attempt, step, 'end', +step.startTime + duration, {
      // Steps that failed are posted even if the queue is full and their begin had to go.
      ...(error && { ...this.#words(attempt, step), params: undefined, error: this.describe.error(error) }),
      durationMs: duration,
      ...(entries.length > 0 && { attachments: listed(entries) }),
      ...(annotations.length > 0 && { annotations: this.describe.annotations(annotations) }),
    });
  }

  end(test: TestCase, result: TestResult): void {
    const attempt = this.#attempts.get(result);
    const errors = this.describe.errors(result.errors);
    if (attempt) {
      this.#attach(attempt);
      this.#attempts.delete(result);
      this.#close(attempt, endsSteps(attempt) ? errors[0] : undefined);
    }
    // Older versions have them at the test.
    const annotations = this.describe.annotations(result.annotations ?? test.annotations);
    const attached = attempt?.attached ?? result.attachments.map((one) => this.attachments.add(one, test, result));
    const outcome = outcomeOf(test, result);
    this.#status(test, result, result.status, {
      durationMs: result.duration,
      ...(outcome !== undefined && { outcome }),
      ...(errors.length > 0 && { errors }),
      ...(annotations.length > 0 && { annotations }),
      ...(attached.length > 0 && { attachments: listed(attached) }),
    });
  }

  /** Ends what runs: the process goes. */
  endAll(status: string): void {
    for (const attempt of this.#attempts.values()) {
      const { test, result, attached } = attempt;
      this.#attach(attempt);
      this.#close(attempt, undefined);
      const durationMs = Math.max(0, Date.now() - +result.startTime);
      this.#status(test, result, status, { durationMs, ...(attached.length > 0 && { attachments: listed(attached) }) });
    }
    this.#attempts.clear();
  }

  #isTold(step: TestStep): boolean {
    const { steps } = this.settings;
    return steps === 'all' || (steps === 'test.step' && step.category === 'test.step');
  }

  /** Playwright tells of no attachment: the list of the result has become longer. */
  #attach({ test, result, attached }: Attempt): void {
    if (result.attachments.length === attached.length) return;
    for (const attachment of result.attachments.slice(attached.length)) {
      attached.push(this.attachments.add(attachment, test, result));
    }
  }

  #entry({ test, result, attached }: Attempt, attachment: TestStep['attachments'][number]): AttachmentEntry {
    return attached[result.attachments.indexOf(attachment)] ?? this.attachments.add(attachment, test, result);
  }

  /** Ends steps that did not end, the innermost first: their worker has crashed, or what they wait for did not come. */
  #close(attempt: Attempt, error: ErrorDetails | undefined): void {
    const now = Date.now();
    for (const step of [...attempt.open].reverse()) {
      const durationMs = Math.max(0, now - +step.startTime);
      this.#step(attempt, step, 'end', now, {
        ...(error && { ...this.#words(attempt, step), params: undefined, error }),
        durationMs,
      });
    }
    attempt.open.clear();
  }

  /** What a step is. */
  #words({ result, numbers }: Attempt, step: TestStep): Record<string, unknown> {
    let told = step.parent;
    while (told && !numbers.has(told)) told = told.parent;
    const parent = told && String(numbers.get(told));
    const location = this.describe.location(step.location);
    const { title, subtitle, params }: StepWords = this.masker.step(step, result);
    return {
      ...(parent !== undefined && { parent }),
      title: cutTo(title, TITLE_CHARS),
      ...(subtitle !== undefined && { subtitle: cutTo(subtitle, TITLE_CHARS) }),
      category: step.category,
      ...(location !== undefined && { location }),
      ...(params !== undefined && { params: fitParams(params) }),
    };
  }

  #step(
    { test, result, numbers }: Attempt,
    step: TestStep,
    phase: string,
    at: number,
    more: Record<string, unknown>,
  ): void {
    const stepNumber = numbers.get(step);
    const told = { stepNumber, id: String(stepNumber), attempt: result.retry, phase, ...more };
    this.emit({ type: 'test_step', timestamp: new Date(at).toISOString(), testId: test.id, step: told });
  }

  #status(test: TestCase, result: TestResult, status: string, more: Record<string, unknown>, at = new Date()): void {
    const { retry: attempt, workerIndex, parallelIndex } = result;
    const expected = test.expectedStatus.toLowerCase();
    // No worker runs a test that is skipped with all of its group.
    const slot = parallelIndex < 0 ? {} : { slot: parallelIndex };
    const data = { attempt, workerIndex, ...slot, expected, ...more };
    const timestamp = at.toISOString();
    this.emit({ type: 'test_status', timestamp, testId: test.id, status: status.toLowerCase(), data });
  }
}

/** What the attempts make of a test; undefined while another one may follow. */
function outcomeOf(test: TestCase, { status }: TestResult): string | undefined {
  const isLast = test.results.length > test.retries || status === test.expectedStatus || status === 'interrupted';
  return isLast ? test.outcome() : undefined;
}

/** Whether what ended the attempt has ended its open steps as well: a crash of its worker, or its time. */
function endsSteps({ result: { status, duration } }: Attempt): boolean {
  // A worker that has crashed tells no duration.
  return status === 'timedOut' || (status === 'failed' && duration === 0);
}

function listed(entries: AttachmentEntry[]): AttachmentEntry[] {
  const make = (entry: AttachmentEntry) => ({ ...entry, name: cutTo(entry.name, TITLE_CHARS) });
  return firstOf(entries, ATTACHMENTS_BYTES, make, (more) => ({ name: `${more} more`, contentType: 'text/plain' }));
}
