/** Which test has a trace. */
import { computed } from '@preact/signals';

import type { TestRow } from '../../model.js';
import { artifacts } from '../store.js';

const traces = computed(() => {
  const newest = new Map<string, string>();
  for (const { test, traceUrl } of artifacts.value) if (test !== null && traceUrl !== null) newest.set(test, traceUrl);
  return newest;
});

/** Where the newest trace of a test is shown; null: it has none. */
export function traceOf(test: Pick<TestRow, 'testId'> | null): string | null {
  return test === null ? null : (traces.value.get(test.testId) ?? null);
}
