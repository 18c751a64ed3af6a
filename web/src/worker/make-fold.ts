/** Folds of a run for the worker: from nothing, or from what the server says. */
import { type Overview as Resumed, RunFold as Fold, type ShownTest } from '../fold/index.js';
import type { TestKey } from '../model.js';
import type { RunFold } from './fold.js';
import { keyOf, type RunEvent } from './read.js';
import type { RunState, TestState } from './state.js';

export function emptyFold(runId: string, epoch: string | null = null): RunFold {
  return new WorkerFold(Fold.empty(runId, epoch));
}

/** The fold that goes on from a state and all its tests, as the server answers them with `resume=1`. */
export function resumedFold(state: RunState, tests: readonly TestState[]): RunFold {
  return new WorkerFold(Fold.from(state as unknown as Resumed, tests as unknown as ShownTest[]));
}

class WorkerFold implements RunFold {
  /** The state, until another event comes. */
  #state: RunState | null = null;

  constructor(private readonly fold: Fold) {}

  get seq(): number {
    return this.fold.seq;
  }

  get size(): number {
    return this.state().testsKept ?? 0;
  }

  setEpoch(epoch: string): void {
    this.fold.epoch = epoch;
  }

  apply(event: RunEvent): void {
    this.fold.apply(event.seq, null, event);
    this.#state = null;
  }

  fork(): RunFold {
    return new WorkerFold(this.fold.fork());
  }

  state(): RunState {
    this.#state ??= this.fold.view() as unknown as RunState;
    return this.#state;
  }

  *tests(): Iterable<[TestKey, TestState]> {
    for (const test of this.fold.tests())
      yield [keyOf(test.variant ?? null, test.testId), test as unknown as TestState];
  }

  test(key: TestKey): TestState | undefined {
    return this.fold.test(key) as unknown as TestState | undefined;
  }

  takeChanged(): TestKey[] {
    return [...this.fold.takeChanges().tests];
  }

  keyOf(event: RunEvent): TestKey | null {
    return this.fold.keyOf(event) ?? null;
  }
}
