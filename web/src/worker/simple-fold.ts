/** A fold that begins with a state that the server has told, and goes on with events. */
import type { TestKey } from '../model.js';
import { ControlFold } from './simple-control.js';
import type { RunFold } from './fold.js';
import { emptyState } from './head.js';
import {
  errorOf, keyOf, listOf, type Members, membersOf, numberOf, type RunEvent, textOf, textsOf, titleOf, wholeOf,
} from './read.js';
import { FINAL, type RunState, TEST_ENDS, type TestState } from './state.js';

export class SimpleFold implements RunFold {
  seq: number;
  #state: RunState;
  #tests: Map<TestKey, TestState>;
  #byId: Map<string, TestKey>;
  #control: ControlFold;
  #changed = new Set<TestKey>();
  /** Open steps of the tests that run. */
  #open: Map<TestKey, { id: string; title: string | null; subtitle: string | null }[]>;

  private constructor(seq: number, state: RunState, tests: Map<TestKey, TestState>, byId: Map<string, TestKey>, control: ControlFold) {
    this.seq = seq;
    this.#state = state;
    this.#tests = tests;
    this.#byId = byId;
    this.#control = control;
    this.#open = new Map();
  }

  static empty(runId: string): SimpleFold {
    return new SimpleFold(0, emptyState(runId), new Map(), new Map(), new ControlFold());
  }

  /** From what the server answers: the state, and all its tests. */
  static of(state: RunState, tests: readonly TestState[], seq: number): SimpleFold {
    const byKey = new Map(tests.map((test) => [keyOf(test.variant ?? null, test.testId), test]));
    const byId = new Map(tests.map((test) => [test.testId, keyOf(test.variant ?? null, test.testId)]));
    const fold = new SimpleFold(seq, { ...state }, byKey, byId, ControlFold.of(state));
    for (const [key, { status, step }] of byKey) {
      if (status === 'running' && step !== null) {
        fold.#open.set(key, [{ id: step.id, title: step.title ?? null, subtitle: step.subtitle ?? null }]);
      }
    }
    return fold;
  }

  get size(): number {
    return this.#tests.size;
  }

  fork(): SimpleFold {
    const fork = new SimpleFold(this.seq, this.#state, new Map(this.#tests), new Map(this.#byId), this.#control.fork());
    fork.#open = new Map([...this.#open].map(([key, open]) => [key, [...open]]));
    return fork;
  }

  state(): RunState {
    return { ...this.#state, ...this.#control.view() };
  }

  tests(): Iterable<[TestKey, TestState]> {
    return this.#tests;
  }

  test(key: TestKey): TestState | undefined {
    return this.#tests.get(key);
  }

  takeChanged(): TestKey[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  keyOf(event: RunEvent): TestKey | null {
    const id = textOf(event['testId']) ?? (event.type === 'artifact' ? textOf(event['test']) : null);
    if (id === null) return null;
    const named = textOf(event['variant']) ?? this.#control.variantOf(textOf(event['producer']));
    const own = keyOf(named, id);
    return named !== null || this.#tests.has(own) ? own : (this.#byId.get(id) ?? own);
  }

  apply(event: RunEvent): void {
    this.seq = event.seq;
    const at = textOf(event['at']) ?? textOf(event['timestamp']);
    const state = { ...this.#state, events: this.#state.events + 1, lastEventAt: at ?? this.#state.lastEventAt };
    this.#state = state;
    this.#control.take(event);
    const data = membersOf(event['data']);
    switch (event.type) {
      case 'run_status': {
        const status = textOf(event['status']);
        state.status = status;
        state.startedAt ??= at;
        state.total = wholeOf(data['total']) ?? state.total;
        state.workers = wholeOf(data['workers']) ?? state.workers;
        if (data['meta'] != null) state.meta = { ...state.meta, ...membersOf(data['meta']) };
        const error = errorOf(data['error']);
        if (error !== null) state.lastError = { message: error.message, at: at ?? '' };
        state.endedAt = status !== null && FINAL.has(status) ? at : null;
        break;
      }
      case 'error': {
        const error = errorOf(event['error']) ?? errorOf(event['message']);
        if (error !== null) state.lastError = { message: error.message, at: at ?? '' };
        break;
      }
      case 'test_plan':
        for (const one of listOf(event['tests'])) this.#plan(event, membersOf(one));
        break;
      case 'test_status':
        this.#status(event, data);
        break;
      case 'test_step':
        this.#step(event);
    }
    if (state.startedAt !== null && at !== null) {
      state.elapsedMs = Date.parse(state.endedAt ?? at) - Date.parse(state.startedAt);
    }
  }

  #plan(event: RunEvent, plan: Members): void {
    const id = textOf(plan['testId']);
    if (id === null) return;
    this.#change(keyOf(textOf(event['variant']), id), id, textOf(event['variant']), (test) => ({
      ...test, title: titleOf(plan['title']) ?? test.title, file: textOf(plan['file']) ?? test.file,
      line: wholeOf(plan['line']) ?? test.line, project: textOf(plan['project']) ?? test.project ?? null,
      tags: textsOf(plan['tags']),
    }));
  }

  #status(event: RunEvent, data: Members): void {
    const key = this.keyOf(event);
    const id = textOf(event['testId']);
    const said = textOf(event['status'])?.toLowerCase() ?? '';
    const status = said === 'queued' ? 'pending' : said;
    if (key === null || id === null || !(status === 'pending' || status === 'running' || TEST_ENDS.has(status))) return;
    const [first] = listOf(data['errors']);
    const error = errorOf(data['error']) ?? errorOf(first);
    this.#open.delete(key);
    this.#change(key, id, key.slice(0, key.indexOf('\u0001')) || null, (test) => {
      const attempt = wholeOf(data['attempt']) ?? test.attempt ?? 0;
      const before = test.attempts ?? [];
      const isLater = attempt > (test.attempt ?? 0) && test.status !== 'pending';
      const attempts = isLater
        ? [...before, { attempt: test.attempt ?? 0, status: test.status, error: test.error, location: test.location ?? null }]
        : before;
      const expected = textOf(data['expected']) ?? test.expected ?? 'passed';
      const failedBefore = attempts.some((one) => one.status !== expected && one.status !== 'skipped');
      const judged = status === 'skipped' ? 'skipped' : status !== expected ? 'unexpected' : failedBefore ? 'flaky' : 'expected';
      return {
        ...test, status, expected, attempt, attempts, title: titleOf(data['title']) ?? test.title,
        slot: wholeOf(data['slot']) ?? test.slot ?? null, producer: textOf(event['producer']) ?? test.producer ?? null,
        durationMs: numberOf(data['durationMs']), error: error?.message ?? null, location: error?.location ?? null, step: null,
        failedStep: status === 'running' ? null : (test.failedStep ?? null),
        outcome: TEST_ENDS.has(status) ? (textOf(data['outcome']) ?? judged) : null,
        annotations: listOf(data['annotations']).map((one) => membersOf(one) as { type: string }),
      };
    });
  }

  #step(event: RunEvent): void {
    const key = this.keyOf(event);
    const step = membersOf(event['step']);
    const id = textOf(step['id']) ?? String(step['stepNumber']);
    if (key === null || !this.#tests.has(key)) return;
    const open = this.#open.get(key) ?? [];
    this.#open.set(key, open);
    const at = open.findIndex((one) => one.id === id);
    if (step['phase'] === 'end') {
      if (at >= 0) open.splice(at, 1);
    } else if (at < 0 && open.length < 16) {
      open.push({ id, title: titleOf(step['title']), subtitle: textOf(step['subtitle']) });
    }
    const failed = step['phase'] === 'end' && errorOf(step['error']) !== null;
    this.#change(key, '', null, (test) => ({
      ...test, step: open.at(-1) ?? null, status: test.status === 'pending' ? 'running' : test.status,
      failedStep: test.failedStep ?? (failed ? { id } : null),
    }));
  }

  #change(key: TestKey, testId: string, variant: string | null, change: (test: TestState) => TestState): void {
    const before = this.#tests.get(key);
    const test: TestState = before ?? {
      testId, variant, title: null, file: null, line: null, status: 'pending', durationMs: null, error: null, step: null,
    };
    const after = change(test);
    this.#tests.set(key, after);
    if (before === undefined) this.#byId.set(testId, key);
    this.#changed.add(key);
    if (before?.status === after.status && before.outcome === after.outcome) return;
    const counts = { ...this.#state.counts };
    const outcomes = { ...this.#state.outcomes };
    if (before !== undefined) counts[before.status] = (counts[before.status] ?? 1) - 1;
    counts[after.status] = (counts[after.status] ?? 0) + 1;
    if (before?.outcome != null) outcomes[before.outcome] = (outcomes[before.outcome] ?? 1) - 1;
    if (after.outcome != null) outcomes[after.outcome] = (outcomes[after.outcome] ?? 0) + 1;
    this.#state.counts = counts;
    this.#state.outcomes = outcomes;
  }
}
