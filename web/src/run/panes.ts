/** Which panes are in sight, and how one gets to them. */
import { computed } from '@preact/signals';

import { askOpen, current } from './ask/state.js';
import { chosen, go, place } from './place.js';
import { head, moment, tests, testsVersion } from './store.js';
import { focusAsked } from './tests/state.js';
import { width } from './width.js';

/**
 * Whether the question takes the place of the screen: while nobody has chosen another test. On phones it is behind the
 * tab that steers.
 */
export const asksInSight = computed(() => {
  const run = head.value;
  if (run === null || run.over || !askOpen.value || !moment.value.live) return false;
  const { view, test } = place.value;
  if (width.value === 'narrow') return view === 'steer';
  if (view === 'wall' || (width.value === 'middle' && view === 'steps')) return false;
  void testsVersion.value;
  return !chosen.value || test === null || test === current.value?.test || tests.get(test)?.askId != null;
});

/** Takes focus to a pane: the tests, what moves now, or the test. */
export function focusPane(pane: 1 | 2 | 3): void {
  if (pane === 1) {
    if (width.peek() === 'narrow') go({ view: 'run' });
    focusAsked.value += 1;
    return;
  }
  const views = { 2: 'run', 3: 'steps' } as const;
  if (width.peek() !== 'wide') go({ view: views[pane] });
  else if (place.peek().view === 'wall' && pane === 3) go({ view: 'run' });
  requestAnimationFrame(() => {
    const element = document.querySelector<HTMLElement>(`[data-pane="${pane}"]`);
    const first = element?.querySelector<HTMLElement>(
      '[role=treeitem][tabindex="0"], [role=row][tabindex="0"], [tabindex="0"], button, a[href], input',
    );
    if (first) first.focus();
    else if (element) {
      element.tabIndex = -1;
      element.focus();
    }
  });
}
