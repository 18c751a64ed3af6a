/** The fold of a run as the worker uses it. */
import type { TestKey } from '../model.js';
import type { RunEvent } from './read.js';
import type { RunState, TestState } from './state.js';

/** A run's state after an event. A test that changes becomes another object. */
export interface RunFold {
  /** Seq of the last event. */
  readonly seq: number;
  /** Number of tests. */
  readonly size: number;
  /** Applies the next event. */
  apply(event: RunEvent): void;
  /** The same state, which goes its own way. Cheap. */
  fork(): RunFold;
  /** The run without its tests. */
  state(): RunState;
  /** The tests in the order in which they first occurred. */
  tests(): Iterable<[TestKey, TestState]>;
  test(key: TestKey): TestState | undefined;
  /** Tests that changed since this was last asked. */
  takeChanged(): TestKey[];
  /** The test that an event belongs to. */
  keyOf(event: RunEvent): TestKey | null;
}
