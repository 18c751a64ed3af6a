/** How the marks of the timeline look, and where they lead. */
import type { IconName } from '../../ui/icons.js';
import type { Tone } from '../../ui/status.js';
import { oneLine } from '../../ui/text.js';
import { go } from '../place.js';
import { testOf } from '../store.js';
import type { Mark } from './scale.js';
import { goTo } from './state.js';

export const MARKS: Record<Mark['kind'], { icon: IconName; tone: Tone; says: string }> = {
  failed: { icon: 'failed', tone: 'fail', says: 'Failed' },
  flaky: { icon: 'flaky', tone: 'flaky', says: 'Flaky' },
  ask: { icon: 'ask', tone: 'ai', says: 'Asked' },
  paused: { icon: 'paused', tone: 'pause', says: 'Paused' },
  ended: { icon: 'stop', tone: 'dim', says: 'Ended' },
};

/** What happened, in words. */
export function markWords(mark: Mark, many = 1): string {
  const test = testOf(mark.test);
  const title = test === null ? '' : `: ${oneLine(test.path.join(' › '), 120)}`;
  return `${MARKS[mark.kind].says}${title}${many > 1 ? ` and ${(many - 1).toLocaleString('en')} more` : ''}`;
}

/** Shows the moment of a mark, and opens its test. */
export function openMark(mark: Mark): void {
  if (mark.test !== null && (mark.kind === 'failed' || mark.kind === 'flaky')) go({ test: mark.test, attempt: null, step: null });
  goTo(mark.seq);
}
