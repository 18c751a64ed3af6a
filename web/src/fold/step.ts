/** The steps of an attempt, or of the run itself. What is here never changes: a change makes a new one. */
import { type FoldedStep, MAX_ERROR_BYTES, MAX_NAME_BYTES, MAX_TITLE_BYTES, message, title } from './event.js';
import { text } from './json.js';
import { bytesOf, keep, OVERHEAD, SIZES, utf8Length } from './space.js';
import type { FailedStep, ResumedStep, ShownStep, StepCounts } from './view.js';

/** Most open steps kept of an attempt. */
const MAX_OPEN_STEPS = 16;
/** Most bytes kept of the error of a step. */
const MAX_STEP_ERROR_BYTES = MAX_ERROR_BYTES / 4;
/** Most steps that are counted. */
const MAX_COUNT = 2 ** 32 - 1;

/** A step that has begun and not ended. */
interface OpenStep {
  readonly shown: ShownStep;
  /** It is counted among those that failed. */
  readonly failed: boolean;
  readonly bytes: number;
}

const more = (count: number) => Math.min(count + 1, MAX_COUNT);

/** The steps: those that are open, the outermost first; how many there were, and the first that failed. */
export class Steps {
  static readonly NONE = new Steps([], 0, 0, 0, undefined, 0);

  private constructor(
    readonly open: readonly OpenStep[],
    readonly begun: number,
    readonly ended: number,
    readonly failed: number,
    readonly firstFailed: FailedStep | undefined,
    /** Bytes of the one that failed first. */
    readonly failedBytes: number,
  ) {}

  /** As they were shown. */
  static from(
    open: readonly ResumedStep[],
    counts: StepCounts | undefined,
    firstFailed: FailedStep | undefined,
  ): Steps {
    const kept = open.map(({ failed = false, ...shown }) => ({ shown, failed, bytes: openBytes(shown) }));
    const { begun = 0, ended = 0, failed = 0 } = counts ?? {};
    return new Steps(kept, begun, ended, failed, firstFailed, firstFailed ? failedBytes(firstFailed) : 0);
  }

  /** A step begins or ends. `variant`: of a step of the run. */
  take(step: FoldedStep, variant: string | undefined, hasRoom: boolean): Steps {
    const { id, members } = step;
    const at = this.open.findIndex(({ shown }) => shown.id === id && shown.variant === variant);
    const known = this.open[at];
    const error = message(members['error']);
    const failed = error !== undefined && known?.failed !== true ? more(this.failed) : this.failed;
    let { firstFailed, failedBytes: bytes } = this;
    if (error !== undefined && firstFailed === undefined && hasRoom) {
      firstFailed = failedStep(step, error, known?.shown);
      bytes = failedBytes(firstFailed);
    }
    const others = at < 0 ? this.open : this.open.filter((_, index) => index !== at);
    if (step.ends) return new Steps(others, this.begun, more(this.ended), failed, firstFailed, bytes);
    const begun = at < 0 ? more(this.begun) : this.begun;
    if (!hasRoom) return new Steps(others, begun, this.ended, failed, firstFailed, bytes);
    const begins = openStep(step, variant, error !== undefined || known?.failed === true);
    const kept = others.length === MAX_OPEN_STEPS ? others.slice(1) : others;
    return new Steps([...kept, begins], begun, this.ended, failed, firstFailed, bytes);
  }

  /** What is open can't be any more. */
  closed(): Steps {
    if (this.open.length === 0) return this;
    return new Steps([], this.begun, this.ended, this.failed, this.firstFailed, this.failedBytes);
  }

  /** The step that is done now: the innermost of those that are open. */
  innermost(): ShownStep | null {
    return this.open[this.open.length - 1]?.shown ?? null;
  }

  counts(): StepCounts | undefined {
    const { begun, ended, failed } = this;
    return begun + ended + failed === 0 ? undefined : { begun, ended, failed };
  }

  heldBytes(): number {
    let bytes = this.failedBytes;
    for (const step of this.open) bytes += step.bytes;
    return bytes;
  }

  /** All that are open, with what is not shown. */
  resume(): ResumedStep[] {
    return this.open.map(({ shown, failed }) => (failed ? { ...shown, failed } : shown));
  }
}

function openStep({ id, stepNumber, members }: FoldedStep, variant: string | undefined, failed: boolean): OpenStep {
  const shown: ShownStep = { id, stepNumber, title: keep(title(members['title']), MAX_TITLE_BYTES, true) ?? null };
  const subtitle = keep(text(members['subtitle']), MAX_TITLE_BYTES, true);
  const category = keep(text(members['category']), MAX_NAME_BYTES, true);
  const location = keep(text(members['location']), MAX_TITLE_BYTES, true);
  const parent = keep(text(members['parent']), MAX_NAME_BYTES, true);
  const actor = keep(text(members['actor']), MAX_NAME_BYTES, true);
  if (subtitle !== undefined) shown.subtitle = subtitle;
  if (category !== undefined) shown.category = category;
  if (location !== undefined) shown.location = location;
  if (parent !== undefined) shown.parent = parent;
  if (actor !== undefined) shown.actor = actor;
  if (variant !== undefined) shown.variant = variant;
  return { shown, failed, bytes: openBytes(shown) };
}

function openBytes({ id, title, subtitle, category, location, parent, actor, variant }: ShownStep): number {
  const texts = bytesOf(title) + bytesOf(subtitle) + bytesOf(category) + bytesOf(location) + bytesOf(parent);
  return SIZES.step + utf8Length(id) + OVERHEAD + texts + bytesOf(actor) + bytesOf(variant);
}

function failedStep({ id, members }: FoldedStep, error: string, open: ShownStep | undefined): FailedStep {
  const named = keep(title(members['title']), MAX_TITLE_BYTES, true) ?? open?.title ?? null;
  const location = keep(text(members['location']), MAX_TITLE_BYTES, true) ?? open?.location;
  const step: FailedStep = { id, title: named, error: keep(error, MAX_STEP_ERROR_BYTES, true) ?? '' };
  if (location !== undefined) step.location = location;
  return step;
}

function failedBytes({ id, title, location, error }: FailedStep): number {
  return SIZES.failedStep + bytesOf(id) + bytesOf(title) + bytesOf(location) + bytesOf(error);
}
