/** When each test ran: read from the log once, for the summary of a run. The run's state does not keep it. */
import { ApiError } from '@runcast/client';

import type { TestKey, TestTimes } from '../model.js';
import type { Http } from './http.js';
import { type RunEvent, timeOf } from './read.js';

/** Events of a page, and pages of a run: beyond them nobody looks at single blocks any more. */
const LIMIT = 1_000;
const MOST_PAGES = 60;

/** When the first and the last attempt at each test began, up to an event. Throws an `ApiError` for runs that are too long. */
export async function readTimes(
  http: Pick<Http, 'lines' | 'insist'>,
  keyOf: (event: RunEvent) => TestKey | null,
  until: number,
): Promise<TestTimes[]> {
  const times = new Map<TestKey, TestTimes>();
  let after = 0;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const page = await http.insist(() => http.lines({ after, limit: LIMIT, types: 'test_status' }));
    for (const event of page.lines) {
      if (event.seq > until) break;
      const at = timeOf(event['timestamp']);
      const key = event.type === 'test_status' && event['status'] === 'running' && at !== null ? keyOf(event) : null;
      if (key === null || at === null) continue;
      times.set(key, { key, first: times.get(key)?.first ?? at, last: at });
    }
    if (!page.more || page.after <= after || page.after >= until) return [...times.values()];
    after = page.after;
  }
  throw new ApiError(413, 'run_too_long', `the run has more than ${MOST_PAGES * LIMIT} events to read`);
}
