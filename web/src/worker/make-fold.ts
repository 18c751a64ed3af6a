/** Folds of a run: from nothing, or from what the server says. */
import type { RunFold } from './fold.js';
import { SimpleFold } from './simple-fold.js';
import type { RunState, TestState } from './state.js';

export function emptyFold(runId: string): RunFold {
  return SimpleFold.empty(runId);
}

/** The fold that goes on from a state and all its tests, as the server answers them with `resume=1`. */
export function resumedFold(state: RunState, tests: readonly TestState[], seq: number): RunFold {
  return SimpleFold.of(state, tests, seq);
}
