/** An attempt at a test. One never changes: a change makes a new one. */
import { location, MAX_ERROR_BYTES, MAX_NAME_BYTES, MAX_TITLE_BYTES, message } from './event.js';
import { integer, items, type Json, type Members, number, object, text, u32 } from './json.js';
import { bytesOf, keep, SIZES } from './space.js';
import { isEnd, testOutcome, type TestOutcome, type TestStatus } from './status.js';
import { Steps } from './step.js';
import type { Annotation, ResumedAttempt, ShownAttempt } from './view.js';

/** Most annotations kept of an attempt. */
const MAX_ANNOTATIONS = 10;

/** What is told of an attempt. */
interface Told {
  workerIndex: number | undefined;
  slot: number | undefined;
  /** The producer that runs it. */
  producer: string | undefined;
  durationMs: number | undefined;
  holdMs: number | undefined;
  error: string | undefined;
  location: string | undefined;
  annotations: readonly Annotation[] | undefined;
}

const NOTHING: Told = {
  workerIndex: undefined,
  slot: undefined,
  producer: undefined,
  durationMs: undefined,
  holdMs: undefined,
  error: undefined,
  location: undefined,
  annotations: undefined,
};

/** An attempt after the last event about it. */
export class Attempt {
  private constructor(
    /** 0, or which retry it is. */
    readonly number: number,
    readonly status: TestStatus,
    /** What its producer says that the attempts up to this one make of the test. */
    readonly outcome: TestOutcome | undefined,
    private readonly told: Told,
    /** Bytes of its texts. */
    private readonly textBytes: number,
    readonly steps: Steps,
  ) {}

  /** One of which nothing is known yet. */
  static begin(number: number): Attempt {
    return new Attempt(number, 'pending', undefined, NOTHING, 0, Steps.NONE);
  }

  /** As it was shown. `outcome`: its producer's word, if that is known. */
  static from(shown: ShownAttempt, outcome: TestOutcome | undefined): Attempt {
    const open = shown.resume?.open ?? (shown.step === null ? [] : [shown.step]);
    const told: Told = {
      workerIndex: shown.workerIndex ?? undefined,
      slot: shown.slot,
      producer: shown.producer,
      durationMs: shown.durationMs ?? undefined,
      holdMs: shown.holdMs,
      error: shown.error ?? undefined,
      location: shown.location,
      annotations: shown.annotations,
    };
    const steps = Steps.from(open, shown.steps, shown.failedStep);
    return new Attempt(shown.attempt, shown.status, outcome, told, textBytes(told), steps);
  }

  get producer(): string | undefined {
    return this.told.producer;
  }

  /**
   * Takes what a `test_status` says. What belongs to the status is as that says, or nothing; who runs the attempt stays
   * as it was unless that says so.
   */
  take(status: TestStatus, producer: string | undefined, data: Members, hasRoom: boolean): Attempt {
    const first = items(data['errors'])[0];
    const annotations = annotationsOf(data['annotations'], hasRoom);
    const error = data['error'];
    const told: Told = {
      workerIndex: integer(data['workerIndex']) ?? this.told.workerIndex,
      slot: u32(data['slot']) ?? this.told.slot,
      producer: producer ?? this.told.producer,
      durationMs: number(data['durationMs']),
      holdMs: number(data['holdMs']),
      error: keep(message(error) ?? message(first), MAX_ERROR_BYTES, hasRoom),
      location: keep(location(error) ?? location(first), MAX_TITLE_BYTES, hasRoom),
      annotations: annotations.length > 0 ? annotations : undefined,
    };
    const steps = isEnd(status) ? this.steps.closed() : this.steps;
    return new Attempt(this.number, status, testOutcome(data['outcome']), told, textBytes(told), steps);
  }

  /** With steps after one more was told of; a `test_status` of an attempt that has steps is on its way. */
  withSteps(steps: Steps): Attempt {
    const status = this.status === 'pending' ? 'running' : this.status;
    return new Attempt(this.number, status, this.outcome, this.told, this.textBytes, steps);
  }

  /** Whether it has ended as a failure. */
  hasFailed(expected: TestStatus): boolean {
    return isEnd(this.status) && this.status !== 'skipped' && this.status !== 'interrupted' && this.status !== expected;
  }

  heldBytes(): number {
    return this.textBytes + this.steps.heldBytes();
  }

  /** Whether a step that is open is not shown, since the run has ended. */
  hidesStep(isOver: boolean): boolean {
    return isOver && isEnd(this.status);
  }

  shown(isOver: boolean): ShownAttempt {
    const { told, steps } = this;
    const shown: ShownAttempt = {
      status: this.status,
      attempt: this.number,
      workerIndex: told.workerIndex ?? null,
      durationMs: told.durationMs ?? null,
      error: told.error ?? null,
      step: this.hidesStep(isOver) ? null : steps.innermost(),
    };
    if (told.slot !== undefined) shown.slot = told.slot;
    if (told.producer !== undefined) shown.producer = told.producer;
    if (told.holdMs !== undefined) shown.holdMs = told.holdMs;
    if (told.location !== undefined) shown.location = told.location;
    if (told.annotations !== undefined) shown.annotations = told.annotations;
    const counts = steps.counts();
    if (counts !== undefined) shown.steps = counts;
    if (steps.firstFailed !== undefined) shown.failedStep = steps.firstFailed;
    return shown;
  }

  /** What is not shown; undefined if there is nothing. */
  resume(isOver: boolean): ResumedAttempt | undefined {
    const [only, ...others] = this.steps.open;
    const saysItAll = only === undefined || (others.length === 0 && !only.failed && !this.hidesStep(isOver));
    return saysItAll ? undefined : { open: this.steps.resume() };
  }
}

function textBytes({ error, location, annotations = [] }: Told): number {
  let bytes = bytesOf(error) + bytesOf(location);
  for (const { type, description } of annotations) bytes += SIZES.annotation + bytesOf(type) + bytesOf(description);
  return bytes;
}

function annotationsOf(value: Json, hasRoom: boolean): Annotation[] {
  const annotations: Annotation[] = [];
  for (const item of items(value)) {
    const members = object(item);
    const type = keep(text(members?.['type']), MAX_NAME_BYTES, hasRoom);
    if (type === undefined) continue;
    const description = keep(text(members?.['description']), MAX_TITLE_BYTES, hasRoom);
    annotations.push(description === undefined ? { type } : { type, description });
    if (annotations.length === MAX_ANNOTATIONS) break;
  }
  return annotations;
}
