/** A test of one variant, with its attempts. */
import { Attempt } from './attempt.js';
import { type FoldedStep, MAX_NAME_BYTES, MAX_TITLE_BYTES, title } from './event.js';
import { items, type Json, type Members, text, u32 } from './json.js';
import { bytesOf, keep, OVERHEAD, SIZES, utf8Length } from './space.js';
import { isEnd, outcomeOf, testStatus, type TestOutcome, type TestStatus } from './status.js';
import type { ShownTest } from './view.js';

/** Most earlier attempts kept: the last ones. */
const MAX_EARLIER = 10;
/** Most tags kept of a test. */
const MAX_TAGS = 20;

/** What a plan says of a test; the same for all variants. One never changes. */
export interface Plan {
  readonly title: string | undefined;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly project: string | undefined;
  readonly tags: readonly string[] | undefined;
  readonly bytes: number;
}

export const NO_PLAN: Plan = planOf(undefined, undefined, undefined, undefined, undefined);

function planOf(
  title: string | undefined,
  file: string | undefined,
  line: number | undefined,
  project: string | undefined,
  tags: readonly string[] | undefined,
): Plan {
  let bytes = bytesOf(title) + bytesOf(file) + bytesOf(project);
  for (const tag of tags ?? []) bytes += SIZES.tag + bytesOf(tag);
  return { title, file, line, project, tags, bytes };
}

/** What a `test_status` says of a test. */
export interface StatusNews {
  status: TestStatus;
  /** Whom the server has stamped it with. */
  producer: string | undefined;
  /** That producer has ended or left. */
  isOfGone: boolean;
  data: Members;
}

/** A test. The methods that change it are for a copy that nobody else has. */
export class Test {
  plan = NO_PLAN;
  expected: TestStatus | undefined;
  /** A `test_status` has told of it. */
  isTold = false;
  current = Attempt.begin(0);
  /** The attempts before it, in order. */
  earlier: readonly Attempt[] = [];
  /** How many more there were. */
  earlierOmitted = 0;
  /** One of those has failed. */
  omittedFailed = false;
  /** As it is shown; it is made when it is asked for. */
  private view: ShownTest | undefined;
  private viewIsOver = false;

  constructor(
    readonly id: string,
    /** Which of the run's variants it belongs to. */
    readonly place: number,
    /** Bytes of the id. */
    private readonly idBytes = utf8Length(id) + OVERHEAD,
  ) {}

  /** As it was shown. */
  static from(shown: ShownTest, place: number): Test {
    const { testId, resume = {}, attempts = [], title, file, line, project, tags } = shown;
    const test = new Test(testId, place);
    test.plan = planOf(title ?? undefined, file ?? undefined, line ?? undefined, project, tags);
    test.expected = shown.expected;
    test.isTold = resume.told ?? shown.status !== 'pending';
    test.current = Attempt.from(shown, resume.judged ? undefined : shown.outcome);
    test.earlier = attempts.map((attempt) => Attempt.from(attempt, undefined));
    test.earlierOmitted = shown.attemptsOmitted ?? 0;
    test.omittedFailed = resume.omittedFailed ?? false;
    return test;
  }

  /** A copy, in a variant. */
  copy(place = this.place): Test {
    const copy = new Test(this.id, place, this.idBytes);
    copy.plan = this.plan;
    copy.expected = this.expected;
    copy.isTold = this.isTold;
    copy.current = this.current;
    copy.earlier = this.earlier;
    copy.earlierOmitted = this.earlierOmitted;
    copy.omittedFailed = this.omittedFailed;
    return copy;
  }

  get status(): TestStatus {
    return this.current.status;
  }

  /** What its attempts make of it, once it has ended: as its producer says, or as their statuses say. */
  outcome(): TestOutcome | undefined {
    const { status, outcome } = this.current;
    if (!isEnd(status)) return undefined;
    if (outcome !== undefined) return outcome;
    const expected = this.expected ?? 'passed';
    const failedBefore = this.omittedFailed || this.earlier.some((attempt) => attempt.hasFailed(expected));
    return outcomeOf(status, expected, failedBefore);
  }

  /** Whether it is shown among those that failed. */
  hasFailed(): boolean {
    return this.status === 'interrupted' || this.outcome() === 'unexpected';
  }

  /** Takes what a plan says. */
  takePlan(planned: Members, hasRoom: boolean): void {
    const short = (value: Json) => keep(text(value), MAX_TITLE_BYTES, hasRoom);
    this.takeTitle(title(planned['title']), hasRoom);
    const tags: string[] = [];
    for (const item of items(planned['tags'])) {
      const tag = keep(text(item), MAX_NAME_BYTES, hasRoom);
      if (tag !== undefined && tags.length < MAX_TAGS) tags.push(tag);
    }
    const { plan } = this;
    this.plan = planOf(
      plan.title,
      short(planned['file']) ?? plan.file,
      u32(planned['line']) ?? plan.line,
      short(planned['project']) ?? plan.project,
      tags.length > 0 ? tags : plan.tags,
    );
  }

  private takeTitle(told: string | undefined, hasRoom: boolean): void {
    const { title, file, line, project, tags } = this.plan;
    const kept = keep(told, MAX_TITLE_BYTES, hasRoom);
    if (kept !== undefined && kept !== title) this.plan = planOf(kept, file, line, project, tags);
  }

  /** Takes what a `test_status` says. */
  takeStatus({ status, producer, isOfGone, data }: StatusNews, hasRoom: boolean): void {
    this.takeTitle(title(data['title']), hasRoom);
    const expected = testStatus(data['expected']);
    if (expected !== undefined && isEnd(expected)) this.expected = expected;
    const known = this.current.producer;
    const isAnothers = producer !== undefined && known !== undefined && producer !== known;
    // Another producer has taken the test over.
    if (isAnothers && isOfGone) return;
    this.isTold = true;
    const number = u32(data['attempt']) ?? this.current.number;
    const begins = !isEnd(status);
    if (number > this.current.number) this.moveOnTo(number, hasRoom);
    else if (number === this.current.number) {
      if (begins && (isAnothers || isEnd(this.current.status))) this.current = Attempt.begin(number);
    } else {
      const at = this.earlier.findIndex((attempt) => attempt.number === number);
      const earlier = this.earlier[at];
      if (!begins || !(isAnothers || (earlier !== undefined && isEnd(earlier.status)))) {
        const late = (earlier ?? Attempt.begin(number)).take(status, producer, data, hasRoom);
        if (earlier === undefined) this.keepEarlier(late, hasRoom);
        else this.earlier = this.earlier.map((attempt, index) => (index === at ? late : attempt));
        return;
      }
      this.beginAnew(number);
    }
    this.current = this.current.take(status, producer, data, hasRoom);
  }

  /** Takes a step, into the attempt that it names, or the one that began last. */
  takeStep(step: FoldedStep, hasRoom: boolean): void {
    const number = u32(step.members['attempt']) ?? this.current.number;
    const taken = (attempt: Attempt) => attempt.withSteps(attempt.steps.take(step, undefined, hasRoom));
    if (number < this.current.number) {
      this.earlier = this.earlier.map((attempt) => (attempt.number === number ? taken(attempt) : attempt));
      return;
    }
    if (number > this.current.number) this.moveOnTo(number, hasRoom);
    this.current = taken(this.current);
  }

  /** A later attempt begins. */
  private moveOnTo(number: number, hasRoom: boolean): void {
    const before = this.current;
    this.current = Attempt.begin(number);
    if (before.status !== 'pending') this.keepEarlier(before, hasRoom);
  }

  /** The test is done again from an earlier attempt on: what came of that and of later ones is void. */
  private beginAnew(number: number): void {
    this.earlier = this.earlier.filter((attempt) => attempt.number < number);
    this.current = Attempt.begin(number);
    if (number === 0) [this.earlierOmitted, this.omittedFailed] = [0, false];
  }

  private keepEarlier(attempt: Attempt, hasRoom: boolean): void {
    const at = this.earlier.filter((known) => known.number < attempt.number).length;
    const expected = this.expected ?? 'passed';
    if (at === 0 && this.earlierOmitted > 0) {
      // It is one of those.
      this.omittedFailed ||= attempt.hasFailed(expected);
      return;
    }
    const [first, ...others] = [...this.earlier.slice(0, at), attempt, ...this.earlier.slice(at)];
    if (first !== undefined && (others.length === MAX_EARLIER || !hasRoom)) {
      this.earlier = others;
      this.earlierOmitted += 1;
      this.omittedFailed ||= first.hasFailed(expected);
    } else this.earlier = first === undefined ? [] : [first, ...others];
  }

  /** Bytes of the test, as the server counts them. */
  heldBytes(): number {
    let bytes = SIZES.test + this.idBytes + this.plan.bytes + this.current.heldBytes();
    for (const attempt of this.earlier) bytes += SIZES.attempt + attempt.heldBytes();
    return bytes;
  }

  /** As it is shown. `isOver`: the run has ended. */
  shown(variant: string | undefined, isOver: boolean): ShownTest {
    if (this.view !== undefined && this.viewIsOver === isOver) return this.view;
    const { plan } = this;
    const shown: ShownTest = {
      testId: this.id,
      title: plan.title ?? null,
      file: plan.file ?? null,
      line: plan.line ?? null,
      ...this.current.shown(isOver),
    };
    const outcome = this.outcome();
    if (variant !== undefined) shown.variant = variant;
    if (plan.project !== undefined) shown.project = plan.project;
    if (plan.tags !== undefined) shown.tags = plan.tags;
    if (this.expected !== undefined) shown.expected = this.expected;
    if (outcome !== undefined) shown.outcome = outcome;
    if (this.earlier.length > 0) shown.attempts = this.earlier.map((attempt) => attempt.shown(isOver));
    if (this.earlierOmitted > 0) shown.attemptsOmitted = this.earlierOmitted;
    [this.view, this.viewIsOver] = [shown, isOver];
    return shown;
  }

  /** Whether it is shown in another way once the run is over. */
  changesWithEnd(): boolean {
    const shows = (attempt: Attempt) => isEnd(attempt.status) && attempt.steps.open.length > 0;
    return shows(this.current) || this.earlier.some(shows);
  }
}
