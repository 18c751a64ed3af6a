/** How many tests have which status and which outcome. */
import type { TestOutcome, TestStatus } from './status.js';
import type { Counts, Outcomes } from './view.js';

/** Both. */
export class Tally {
  readonly counts: Counts;
  readonly outcomes: Outcomes;
  /** Number of tests. */
  size: number;

  constructor(of?: Tally) {
    this.counts = of ? { ...of.counts } : NO_COUNTS();
    this.outcomes = of ? { ...of.outcomes } : { expected: 0, unexpected: 0, flaky: 0, skipped: 0 };
    this.size = of?.size ?? 0;
  }

  /** Adds a test, or takes one away that was added (`by`: -1). */
  add(status: TestStatus, outcome: TestOutcome | undefined, by: 1 | -1): void {
    this.counts[status] += by;
    this.size += by;
    if (outcome !== undefined) this.outcomes[outcome] += by;
  }

  /** A copy of what is shown. */
  shown(): { counts: Counts; outcomes: Outcomes } {
    return { counts: { ...this.counts }, outcomes: { ...this.outcomes } };
  }
}

const NO_COUNTS = (): Counts => ({
  pending: 0,
  running: 0,
  passed: 0,
  failed: 0,
  skipped: 0,
  timedout: 0,
  interrupted: 0,
});
