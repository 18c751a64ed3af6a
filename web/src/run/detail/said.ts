/** The sentence that answers whether a test has failed before. */
import type { HistoryResult } from '../../model.js';

/** A sentence of two parts, the first of which is what one came for. */
export interface Said {
  strong: string;
  more: string;
}

const failed = ({ outcome }: HistoryResult) => outcome === 'unexpected';
const flaky = ({ outcome }: HistoryResult) => outcome === 'flaky';

/** Results from the end on, as long as they are such. */
function lastThat(results: readonly HistoryResult[], is: (result: HistoryResult) => boolean): number {
  let length = 0;
  while (length < results.length && is(results[results.length - 1 - length]!)) length += 1;
  return length;
}

const runs = (number: number) => (number === 1 ? 'run' : `${number} runs`);
const before = (number: number) => (number === 1 ? 'in the run before' : `in the ${number} runs before`);

function since(results: readonly HistoryResult[], length: number): string {
  const first = results[results.length - length];
  if (first === undefined) return '';
  const name = first.number === null ? (first.commit?.slice(0, 7) ?? null) : `#${first.number}`;
  if (name === null) return '';
  return `, since ${name}${first.branch === null ? '' : ` on ${first.branch}`}`;
}

/** What the results before say. */
function past(results: readonly HistoryResult[]): string {
  const all = results.length;
  const bad = results.filter(failed).length;
  const shaky = results.filter(flaky).length;
  if (bad === 0 && shaky === 0) return `Passed ${before(all)}.`;
  if (bad === all) return `Failed ${before(all)}.`;
  const parts = [bad > 0 ? `failed in ${bad}` : '', shaky > 0 ? `flaky in ${shaky}` : ''].filter((part) => part !== '');
  const text = parts.join(' and ');
  return `${text[0]!.toUpperCase()}${text.slice(1)} of the ${runs(all)} before.`;
}

const MAX_ERROR = 300;

function alike(results: readonly HistoryResult[]): string {
  const [first] = results;
  if (first === undefined || results.length < 2) return '';
  if (first.location !== null && results.every(({ location }) => location === first.location)) return 'Same line each time.';
  const line = ({ error }: HistoryResult) => error?.slice(0, MAX_ERROR).split('\n')[0] ?? null;
  return line(first) !== null && results.every((result) => line(result) === line(first)) ? 'Same error each time.' : '';
}

/** Says it. `results`: the oldest first; this run's is marked, if it has ended. */
export function sayHistory(results: readonly HistoryResult[]): Said | null {
  const ran = results.filter(({ outcome }) => outcome !== 'skipped');
  const current = results.find((result) => result.current);
  const earlier = ran.filter((result) => !result.current);
  if (current === undefined) return earlier.length === 0 ? null : sayPast(earlier);
  if (current.outcome === 'skipped') {
    const length = lastThat(results, ({ outcome }) => outcome === 'skipped');
    return { strong: length > 1 ? `Skipped in the last ${runs(length)}.` : 'Skipped.', more: earlier.length > 0 ? past(earlier) : '' };
  }
  if (earlier.length === 0) return { strong: 'First run of this test.', more: '' };
  if (failed(current)) {
    const length = lastThat(ran, failed);
    if (length === ran.length) return { strong: `Failed in all ${runs(length)}${since(ran, length)}.`, more: alike(ran) };
    if (length > 1) return { strong: `Failed in the last ${runs(length)}${since(ran, length)}.`, more: alike(ran.slice(-length)) };
    return earlier.some(failed) ? { strong: 'Failed again.', more: past(earlier) } : { strong: 'New failure.', more: past(earlier) };
  }
  if (flaky(current)) {
    const times = ran.filter(flaky);
    if (times.length === 1) return { strong: 'Flaky for the first time.', more: past(earlier) };
    return { strong: `Flaky in ${times.length} of ${runs(ran.length)}.`, more: alike(times) };
  }
  const length = lastThat(earlier, failed);
  if (length > 0) return { strong: 'Fixed.', more: `Failed ${before(length)}${since(earlier, length)}.` };
  if (!earlier.some((result) => failed(result) || flaky(result))) return { strong: `Passed in the last ${runs(ran.length)}.`, more: '' };
  return { strong: 'Passed.', more: past(earlier) };
}

function sayPast(earlier: readonly HistoryResult[]): Said {
  const length = lastThat(earlier, failed);
  if (length > 0) return { strong: `Failed ${before(length)}${since(earlier, length)}.`, more: '' };
  return { strong: '', more: past(earlier) };
}
