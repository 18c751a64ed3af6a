/** The numbers of the bar: counts, and their shares of its progress. What is wrong comes first. */
import type { Head } from '../../model.js';
import { plural } from '../../ui/format.js';
import type { Shown } from '../../ui/status.js';

/** A number of tests in one state. */
export interface Share {
  of: Shown;
  number: number;
  word: string;
}

type Told = Pick<Head, 'counts' | 'total' | 'asks' | 'over'>;

/** The counts to show, in the order of the bar. Zero is left out; a test that asks is not counted again as running. */
export function sharesOf({ counts, asks, over }: Told): Share[] {
  const asking = asks.filter(({ test }) => test !== null).length;
  const shares: Share[] = [
    { of: 'ask', number: counts.asks, word: counts.asks === 1 ? 'asks' : 'ask' },
    { of: 'failed', number: counts.failed, word: 'failed' },
    { of: 'flaky', number: counts.flaky, word: 'flaky' },
    { of: 'passed', number: counts.passed, word: 'passed' },
    { of: 'skipped', number: counts.skipped, word: 'skipped' },
    { of: 'running', number: Math.max(0, counts.running - asking), word: over ? 'unended' : 'running' },
    { of: 'queued', number: counts.queued, word: over ? 'not run' : 'queued' },
  ];
  return shares.filter(({ number }) => number > 0);
}

/** The progress in words: `1 failed, 15 passed, 13 queued`. */
export function progressText(shares: readonly Share[]): string {
  return shares.map(({ number, word }) => plural(number, word, word)).join(', ') || 'no tests yet';
}

/** `about 20 s left`, `about 3 min left`; empty if that is not known. */
export function leftText(ms: number | null): string {
  if (ms === null || ms < 0) return '';
  const seconds = ms / 1_000;
  if (seconds < 5) return 'a few seconds left';
  if (seconds < 55) return `about ${Math.max(5, Math.round(seconds / 5) * 5)} s left`;
  if (seconds < 90 * 60) return `about ${Math.max(1, Math.round(seconds / 60))} min left`;
  return `about ${Math.round(seconds / 3_600)} h left`;
}

/** How long the run took so far. */
export function elapsedOf(head: Pick<Head, 'elapsedMs' | 'elapsedAt' | 'ticking'>, now: number): number | null {
  if (head.elapsedMs === null) return null;
  return head.elapsedMs + (head.ticking ? Math.max(0, now - head.elapsedAt) : 0);
}
