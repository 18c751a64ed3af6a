/** What screen readers are told of the run: counts now and then, and questions at once. */
import { effect } from '@preact/signals';

import type { Head } from '../model.js';
import { say, sayNow } from '../ui/announce.js';
import { WORDS } from '../ui/status.js';
import { oneLine } from '../ui/text.js';
import { head, moment, tests } from './store.js';
import { progressText, sharesOf } from './top/numbers.js';

/** `failing: 3 failed, 84 passed; checkout › pays by card is running`. */
export function summary(run: Head, runs: string | null): string {
  const shares = sharesOf(run).filter(({ of }) => of === 'failed' || of === 'flaky' || of === 'passed');
  const counts = shares.length === 0 ? '' : `: ${progressText(shares)}`;
  return `${WORDS[run.word].word}${counts}${runs === null || run.over ? '' : `; ${oneLine(runs, 80)} is running`}`;
}

/** Says what changed. Returns what ends it. */
export function speak(): () => void {
  let before = '';
  return effect(() => {
    const run = head.value;
    if (run === null || !moment.value.live) return;
    for (const { askId, question } of run.asks) sayNow(askId, `Needs you: ${oneLine(question, 300)}`);
    const worth = `${run.word} ${run.counts.failed} ${run.counts.flaky}`;
    if (worth === before) return;
    if (before !== '' || run.over) {
      const slot = run.slots.find(({ running }) => running);
      const test = slot?.test == null ? undefined : tests.get(slot.test);
      say(summary(run, test?.path.at(-1) ?? null), 'counts');
    }
    before = worth;
  });
}
