/** Folds of the run after some of its events: where a moment of the past begins. */
import type { RunFold } from './fold.js';

/** Events between two. */
const EVERY = 2_000;
/** Most that are kept, and most tests in them together. */
const MOST = 128;
const MOST_TESTS = 400_000;

export class Checkpoints {
  #kept: RunFold[] = [];
  #every = EVERY;

  get count(): number {
    return this.#kept.length;
  }

  /** Looks at the fold after an event, and keeps it if it is time. */
  offer(fold: RunFold): void {
    const last = this.#kept.at(-1);
    if (last !== undefined && fold.seq - last.seq < this.#every) return;
    this.#kept.push(fold.fork());
    const tests = this.#kept.length * fold.size;
    if (this.#kept.length <= 2 || (this.#kept.length <= MOST && tests <= MOST_TESTS)) return;
    // Every second one goes; the first stays.
    this.#kept = this.#kept.filter((_, index) => index % 2 === 0);
    this.#every *= 2;
  }

  /** The last one up to an event, as a fold of one's own. */
  before(seq: number): RunFold | null {
    return this.#kept.findLast((fold) => fold.seq <= seq)?.fork() ?? null;
  }

  dropFrom(seq: number): void {
    this.#kept = this.#kept.filter((fold) => fold.seq < seq);
  }

  clear(): void {
    this.#kept = [];
    this.#every = EVERY;
  }
}
