/** Opens a test from the summary. Where panes share a place, its pane comes in front. */
import type { TestKey } from '../../model.js';
import { go, place } from '../place.js';
import { width } from '../width.js';

export function openTest(test: TestKey): void {
  const view = width.peek() === 'wide' ? place.peek().view : 'steps';
  go({ test, attempt: null, step: null, view });
}
