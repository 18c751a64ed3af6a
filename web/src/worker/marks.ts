/** The marks that an event sets on the timeline. */
import type { RunFold } from './fold.js';
import { membersOf, type RunEvent, textOf } from './read.js';
import { FINAL, TEST_ENDS } from './state.js';
import type { Mark } from './timeline.js';

/** `fold`: the run after the event. */
export function markOf(event: RunEvent, at: number, fold: RunFold): Mark | null {
  const { seq } = event;
  const test = fold.keyOf(event);
  const status = textOf(event['status'])?.toLowerCase() ?? '';
  switch (event.type) {
    case 'test_status': {
      if (test === null || !TEST_ENDS.has(status)) return null;
      const data = membersOf(event['data']);
      const expected = textOf(data['expected'])?.toLowerCase() ?? 'passed';
      if (fold.test(test)?.outcome === 'flaky') return { seq, at, kind: 'flaky', test };
      return status !== expected && status !== 'skipped' ? { seq, at, kind: 'failed', test } : null;
    }
    case 'ai_stuck':
      return event['stale'] === true ? null : { seq, at, kind: 'ask', test };
    case 'pause_requested':
      return { seq, at, kind: 'paused', test: null };
    case 'run_status':
      return FINAL.has(status) && FINAL.has(fold.state().status ?? '') ? { seq, at, kind: 'ended', test: null } : null;
    default:
      return null;
  }
}
