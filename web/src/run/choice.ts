/** Which test is open while nobody has chosen one: a question, else the newest failure, else what runs. */
import { effect } from '@preact/signals';

import type { TestKey, TestRow } from '../model.js';
import { shownOf } from '../ui/status.js';
import { chosen, openUnasked, place } from './place.js';
import { head, tests, testsComplete, testsVersion } from './store.js';

/**
 * Opens a question once, and a failure once: another one only if that was tried again and has passed. After the end of
 * the run it opens nothing.
 */
export class Choice {
  #settled = false;
  /** A question was opened. */
  #asked = false;
  /** The failure that was opened. */
  #failure: TestKey | null = null;

  /** The test to open now; null: leave it as it is. */
  next(rows: Iterable<TestRow>, open: TestKey | null, over: boolean): TestKey | null {
    if (this.#settled) return null;
    let ask: TestRow | null = null;
    let failed: TestRow | null = null;
    let flaky: TestRow | null = null;
    let running: TestRow | null = null;
    let stays = false;
    for (const test of rows) {
      const shown = shownOf(test);
      if (shown === 'ask') ask ??= test;
      else if (shown === 'failed' || shown === 'timedout' || shown === 'held') {
        if (failed === null || (test.failedSeq ?? -1) > (failed.failedSeq ?? -1)) failed = test;
        stays ||= test.key === this.#failure;
      } else if (shown === 'flaky') flaky ??= test;
      else if (shown === 'running' || shown === 'paused') {
        if (running === null || began(test) < began(running)) running = test;
      }
    }
    this.#settled = over;
    if (ask !== null && !over) {
      const first = !this.#asked;
      this.#asked = true;
      return first ? ask.key : null;
    }
    if (stays) return null;
    const worth = failed ?? (over ? flaky : null);
    if (worth === null) return open === null && !over ? (running?.key ?? null) : null;
    this.#failure = worth.key;
    return worth.key;
  }
}

function began(test: TestRow): number {
  return test.startedAt ?? Number.MAX_SAFE_INTEGER;
}

/** Opens tests until somebody chooses. Returns what ends it. */
export function openByItself(): () => void {
  const choice = new Choice();
  return effect(() => {
    void testsVersion.value;
    const run = head.value;
    if (chosen.value || run === null || !testsComplete.value) return;
    const next = choice.next(tests.values(), place.peek().test, run.over);
    if (next !== null) openUnasked(next);
  });
}
