/** What the server says of a run, as it is: it is shown while the fold is on its way. */
import type { Overview as Resumed } from '../fold/index.js';
import type { TestKey } from '../model.js';
import type { RunFold } from './fold.js';
import { keyOf, type RunEvent } from './read.js';
import type { RunState, TestState } from './state.js';

/** Whether the server has told all that a fold needs to go on. */
export function canResume(state: RunState): boolean {
  return (state as unknown as Resumed).resume !== undefined;
}

/** What the server says as it is, with some of the tests: for a first look, while the others are on their way. */
export class Told implements RunFold {
  readonly #tests: Map<TestKey, TestState>;

  constructor(
    readonly seq: number,
    private readonly told: RunState,
    tests: readonly TestState[],
  ) {
    this.#tests = new Map(tests.map((test) => [keyOf(test.variant ?? null, test.testId), test]));
  }

  get size(): number {
    return this.#tests.size;
  }

  setEpoch(): void {}

  apply(): void {}

  fork(): RunFold {
    return this;
  }

  state(): RunState {
    return this.told;
  }

  tests(): Iterable<[TestKey, TestState]> {
    return this.#tests;
  }

  test(key: TestKey): TestState | undefined {
    return this.#tests.get(key);
  }

  takeChanged(): TestKey[] {
    return [];
  }

  keyOf(event: RunEvent): TestKey | null {
    const { testId, variant } = event;
    return typeof testId === 'string' ? keyOf(typeof variant === 'string' ? variant : null, testId) : null;
  }
}
