/** Folds events into a run's state. It never fails: what can't be read is skipped, but the event is counted. */
import { dataOf, message, shardOf, stepOf } from './event.js';
import { items, type Members, object, text, whole } from './json.js';
import { metaFollowedBy } from './meta.js';
import { RunProducers } from './producers.js';
import { isEnd, isOver, outcomeOf, type RunStatus, runStatus, testOutcome, testStatus } from './status.js';
import { Steps } from './step.js';
import type { Test } from './test.js';
import { Tests } from './test-list.js';
import { parseTime, showTime } from './timestamp.js';
import { isVariant } from './variant.js';
import type { Overview, RunMeta, ShownTest, Times as ShownTimes } from './view.js';

/** The producer of events that were posted without producer headers. */
export const ANONYMOUS = '-';

/** Most tests in an overview. */
const MAX_OVERVIEW_TESTS = 500;
/** Of these, those that failed leave so many places to those that run. */
const HALF = MAX_OVERVIEW_TESTS / 2;
/** About how many bytes they may take. */
const MAX_TEST_BYTES = 2 * 1024 * 1024;

/** The times of a run on one clock. */
interface Times {
  startedAt: number | undefined;
  endedAt: number | undefined;
  lastEventAt: number | undefined;
}

const show = (ms: number | undefined) => (ms === undefined ? null : showTime(ms));
const shownTimes = ({ startedAt, endedAt, lastEventAt }: Times): ShownTimes => ({
  startedAt: show(startedAt),
  endedAt: show(endedAt),
  lastEventAt: show(lastEventAt),
});
const read = (shown: string | null) => (shown === null ? undefined : parseTime(shown));
const readTimes = ({ startedAt, endedAt, lastEventAt }: ShownTimes): Times => ({
  startedAt: read(startedAt),
  endedAt: read(endedAt),
  lastEventAt: read(lastEventAt),
});
const NO_TIMES: ShownTimes = { startedAt: null, endedAt: null, lastEventAt: null };

/** The variant that an event names. */
function variantOf(event: Members): string | undefined {
  const name = text(event['variant']);
  return name !== undefined && isVariant(name) ? name : undefined;
}

/** The state of a run: what `src/run_state` has on the server. */
export class RunState {
  /** Seq of the last event applied; 0 before the first. */
  tip = 0;
  private status: RunStatus | undefined;
  private times = readTimes(NO_TIMES);
  private producerTimes = readTimes(NO_TIMES);
  private meta: RunMeta | null = null;
  /** The open steps of events that name no test. */
  private steps = Steps.NONE;
  private lastError: { message: string; at: number } | undefined;
  private producers = new RunProducers();
  tests = new Tests();

  constructor(private readonly runId: string) {}

  /** The state that the server told, with `resume=1`. */
  static from(overview: Overview, tests: readonly ShownTest[]): RunState {
    const state = new RunState(overview.runId);
    const { resume, lastError } = overview;
    state.tip = overview.events;
    state.status = overview.status ?? undefined;
    state.times = readTimes(overview);
    state.producerTimes = readTimes(overview.producer);
    state.meta = overview.meta;
    state.steps = Steps.from(resume?.steps ?? (overview.step === null ? [] : [overview.step]), undefined, undefined);
    state.lastError = lastError === null ? undefined : { ...lastError, at: read(lastError.at) ?? 0 };
    state.producers = RunProducers.from(overview.status, resume);
    state.tests = Tests.from(tests, resume);
    return state;
  }

  /** Another state that is the same now; what does not change is shared. */
  fork(): RunState {
    const copy = new RunState(this.runId);
    [copy.tip, copy.status, copy.meta] = [this.tip, this.status, this.meta];
    [copy.times, copy.producerTimes] = [{ ...this.times }, { ...this.producerTimes }];
    [copy.steps, copy.lastError] = [this.steps, this.lastError];
    [copy.producers, copy.tests] = [this.producers.fork(), this.tests.fork()];
    return copy;
  }

  /** When the last event was stored; undefined before the first. */
  get lastEventAt(): number | undefined {
    return this.times.lastEventAt;
  }

  get isOver(): boolean {
    return isOver(this.status);
  }

  /** Applies an event that was stored at journal time `at`. An event that was applied already changes nothing. */
  apply(seq: number, at: number, event: Members | undefined): void {
    if (seq <= this.tip) return;
    this.tip = seq;
    this.times.lastEventAt = at;
    const type = text(event?.['type']);
    if (event !== undefined && type !== undefined) this.fold(at, type, event);
  }

  private fold(at: number, type: string, event: Members): void {
    const timestamp = event['timestamp'];
    const sentAt = typeof timestamp === 'string' ? parseTime(timestamp) : undefined;
    if (sentAt !== undefined) this.producerTimes.lastEventAt = sentAt;
    switch (type) {
      case 'run_status':
        this.runStatus(event, at, sentAt);
        break;
      case 'test_plan':
        this.testPlan(event);
        break;
      case 'test_status':
        this.testStatus(event);
        break;
      case 'test_step':
        this.testStep(event);
        break;
      case 'error':
        this.error(message(event['error']) ?? message(event['message']), at);
        break;
      case 'worker':
        this.worker(event, at, sentAt);
        break;
      case 'shards_given_up':
        this.settleStatus(this.producers.giveUpShards(), at, sentAt);
        break;
      case 'producer_status': {
        const producer = text(event['producer']);
        if (producer !== undefined && event['status'] === 'lost') this.producers.lost(producer);
      }
    }
    if (this.times.startedAt === undefined && this.status !== 'queued') {
      this.times.startedAt = at;
      this.producerTimes.startedAt = sentAt;
    }
  }

  private error(text: string | undefined, at: number): void {
    if (text !== undefined) this.lastError = { message: text, at };
  }

  private runStatus(event: Members, at: number, sentAt: number | undefined): void {
    const status = runStatus(event['status']);
    if (status === undefined) return;
    const producer = text(event['producer']);
    this.settleStatus(this.producers.posted(producer, status), at, sentAt);
    const data = dataOf(event);
    this.producers.announce(producer, { total: whole(data['total']), workers: whole(data['workers']) });
    this.meta = metaFollowedBy(this.meta, data['meta']);
    this.error(message(data['error']), at);
  }

  /** A worker joins, or leaves. */
  private worker(event: Members, at: number, sentAt: number | undefined): void {
    const producer = text(event['producer']) ?? ANONYMOUS;
    const variant = text(event['variant']);
    let counts = false;
    if (event['state'] === 'joined') {
      counts = this.producers.joined(producer, variant, shardOf(event['shard'], variant));
    } else if (event['state'] === 'left') counts = this.producers.left(producer);
    this.settleStatus(counts, at, sentAt);
  }

  /** Takes the status over that the run has now, if an event counted for it. */
  private settleStatus(counts: boolean, at: number, sentAt: number | undefined): void {
    const { status } = this.producers;
    if (!counts || status === undefined) return;
    const wasOver = this.isOver;
    this.status = status;
    this.times.endedAt = this.isOver ? at : undefined;
    this.producerTimes.endedAt = this.isOver ? sentAt : undefined;
    if (this.isOver) this.steps = this.steps.closed();
    if (wasOver === this.isOver) return;
    const { tests } = this;
    for (const test of tests.kept()) if (test.changesWithEnd()) tests.changed.add(tests.keyOf(test));
  }

  private testPlan(event: Members): void {
    const variant = variantOf(event);
    for (const item of items(event['tests'])) {
      const planned = object(item);
      const id = text(planned?.['testId']);
      if (planned === undefined || id === undefined) continue;
      this.tests.change(variant, id, (test, hasRoom) => test.takePlan(planned, hasRoom));
    }
  }

  private testStatus(event: Members): void {
    const id = text(event['testId']);
    const status = testStatus(event['status']);
    if (id === undefined || status === undefined) return;
    const told = text(event['producer']);
    const variant = this.producers.variantOf(told, variantOf(event));
    const data = dataOf(event);
    const producer = told === undefined ? undefined : this.tests.producer(told);
    const isOfGone = told !== undefined && this.producers.isGone(told);
    const news = { status, producer, isOfGone, data };
    if (this.tests.change(variant, id, (test, hasRoom) => test.takeStatus(news, hasRoom))) return;
    const expected = testStatus(data['expected']) ?? 'passed';
    const outcome = testOutcome(data['outcome']) ?? outcomeOf(status, expected, false);
    this.tests.count(variant, id, status, isEnd(status) ? outcome : undefined);
  }

  private testStep(event: Members): void {
    const step = stepOf(event['step']);
    if (step === undefined) return;
    const id = text(event['testId']);
    const variant = variantOf(event);
    if (id === undefined) this.steps = this.steps.take(step, variant, true);
    else this.tests.change(variant, id, (test, hasRoom) => test.takeStep(step, hasRoom));
  }

  /** The key of the test that an event is about. */
  keyOf(event: Members): string | undefined {
    const type = text(event['type']);
    const id = text(event['testId']) ?? (type === 'artifact' ? text(event['test']) : undefined);
    if (id === undefined) return undefined;
    const producer = type === 'test_status' || type === 'ai_stuck' ? text(event['producer']) : undefined;
    return this.tests.keyFor(this.producers.variantOf(producer, variantOf(event)), id);
  }

  shown(test: Test): ShownTest {
    return test.shown(this.tests.variantOf(test), this.isOver);
  }

  /** What the overview has of the state: all but the control. */
  view(): Omit<Overview, 'control' | 'commands' | 'asks' | 'paused' | 'producers'> {
    const { total, workers } = this.producers.announced();
    const { startedAt, endedAt, lastEventAt } = this.times;
    const until = endedAt ?? lastEventAt;
    const variants = this.tests.variantsWithTests();
    return {
      runId: this.runId,
      status: this.status ?? null,
      clock: 'journal',
      ...shownTimes(this.times),
      elapsedMs: startedAt === undefined || until === undefined ? null : until - startedAt,
      producer: shownTimes(this.producerTimes),
      events: this.tip,
      total: total ?? null,
      workers: workers ?? null,
      meta: this.meta,
      step: this.steps.innermost(),
      lastError: this.lastError ? { message: this.lastError.message, at: showTime(this.lastError.at) } : null,
      ...this.tests.tally.shown(),
      variants:
        variants.length > 1 ? variants.map(({ name, tally }) => ({ variant: name ?? null, ...tally.shown() })) : [],
      shards: this.producers.shards(),
      tests: this.urgentTests().map((test) => this.shown(test)),
      testsKept: this.tests.kept().length,
      testsOmitted: this.tests.omitted,
    };
  }

  /** The tests that failed, then those that run, each in the order in which they first occurred. */
  private urgentTests(): Test[] {
    let [failed, running]: [Test[], Test[]] = [[], []];
    for (const test of this.tests.kept()) {
      if (test.status === 'pending') continue;
      const list = test.status === 'running' ? running : test.hasFailed() ? failed : undefined;
      if (list !== undefined && list.length < MAX_OVERVIEW_TESTS) list.push(test);
    }
    failed = failed.slice(0, MAX_OVERVIEW_TESTS - Math.min(running.length, HALF));
    running = running.slice(0, MAX_OVERVIEW_TESTS - failed.length);
    const left = keepWithin(running, MAX_TEST_BYTES / 2) + MAX_TEST_BYTES / 2;
    keepWithin(failed, left);
    return [...failed, ...running];
  }
}

/** Keeps the first tests that take at most so many bytes; how many are left. */
function keepWithin(tests: Test[], maxBytes: number): number {
  let left = maxBytes;
  for (const [at, test] of tests.entries()) {
    const bytes = test.heldBytes();
    if (bytes > left) {
      tests.length = at;
      break;
    }
    left -= bytes;
  }
  return left;
}
