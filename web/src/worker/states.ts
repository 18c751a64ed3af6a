/** States of the run that the server has folded: now, or after an event. */
import { ApiError } from '@runcast/client';

import type { RunFold } from './fold.js';
import type { EventHistory } from './history.js';
import type { Http } from './http.js';
import type { Later } from './late.js';
import { type RunEvent, seqOf } from './read.js';
import { FEW_EVENTS } from './recall.js';
import type { RunState, TestState } from './state.js';
import { canResume, Told } from './told.js';

/** Tests of a page. */
const TESTS = 1_000;

/** Is told of an event, and the fold after it. */
export type Each = (event: RunEvent, fold: RunFold) => void;

/** The server's state of the run, with the tests that are urgent. */
export interface Overview extends RunState {
  tests: TestState[];
}

export class States {
  constructor(
    private readonly http: Http,
    private readonly history: EventHistory,
    private readonly runId: string,
    private readonly epoch: () => string | null,
    private readonly later: () => Promise<Later>,
  ) {}

  /** The state now; null: nothing was posted yet. */
  async now(signal: AbortSignal): Promise<Overview | null> {
    try {
      return await this.http.json<Overview>('', { resume: 1 }, signal);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404 && error.code === 'run_not_found') return null;
      throw error;
    }
  }

  /** The state after an event; null: the server can't tell. */
  async at(seq: number, signal: AbortSignal): Promise<Overview | null> {
    const query = { at: seq, resume: 1 };
    const state = await this.http.insist(() => this.http.json<Overview>('', query, signal), signal);
    return seqIn(state) === seq ? state : null;
  }

  /** The fold after a state, with all tests. `each`: is told of each event, if it is made of events. */
  async fold(state: Overview, signal: AbortSignal, each?: Each): Promise<RunFold> {
    const seq = seqIn(state);
    if (seq <= FEW_EVENTS && this.history.firstAvailable === 1) {
      await this.history.page(0, signal, seq);
      if (this.history.firstAvailable === 1) return this.events(seq, signal, { each });
    }
    // A node of an earlier version says less, or how things are now.
    if (!canResume(state)) return this.events(seq, signal, { each });
    const tests: TestState[] = [];
    for (let [after, more] = [0, true]; more;) {
      const query = { at: seq, resume: 1, after, limit: TESTS };
      const page = await this.http.insist(
        () => this.http.json<{ seq: number; tests: TestState[]; next: number; more: boolean }>('/tests', query, signal),
        signal,
      );
      if (page.seq !== seq) return this.events(seq, signal, { each });
      tests.push(...page.tests);
      [after, more] = [page.next, page.more];
    }
    const { resumedFold } = await this.later();
    signal.throwIfAborted();
    return resumedFold(state, tests);
  }

  /** The fold before the first event. */
  async empty(): Promise<RunFold> {
    return (await this.later()).emptyFold(this.runId, this.epoch());
  }

  /** A state with the tests that it shows: for a first look. */
  provisional(state: Overview): RunFold {
    return new Told(seqIn(state), state, state.tests);
  }

  /** The fold of the events up to `seq`, from the first one on or `from` another fold. */
  async events(
    seq: number,
    signal: AbortSignal,
    how: { from?: RunFold; each?: Each | undefined } = {},
  ): Promise<RunFold> {
    const fold = how.from ?? (await this.empty());
    for await (const events of this.history.range(fold.seq + 1, seq, signal)) {
      for (const event of events) {
        fold.apply(event);
        how.each?.(event, fold);
      }
    }
    return fold;
  }
}

/** Seq of the last event in a state. */
export function seqIn(state: RunState): number {
  return seqOf(state.cursor) ?? state.events;
}
