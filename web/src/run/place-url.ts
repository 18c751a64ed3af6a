/**
 * A place as the query of a URL: `t=TEST.ATTEMPT&s=STEP&l=SEQ.LINE&at=SEQ&v=VIEW&q=WORDS`. The key of a test may
 * itself end like `.1`: such a key is written with one more dot behind it when no attempt follows.
 */
import type { TestKey } from '../model.js';

export const VIEWS = ['run', 'wall', 'tests', 'steps', 'log', 'time', 'steer'] as const;

/** What the pane in the middle shows, and on a phone the only one. */
export type View = (typeof VIEWS)[number];

export interface Place {
  /** The test that is open. */
  test: TestKey | null;
  /** Its attempt; null: the last. */
  attempt: number | null;
  /** The step that is shown. */
  step: string | null;
  /** The line of the log that is marked. */
  line: { seq: number; line: number } | null;
  /** The moment that is shown; null: live. */
  at: number | null;
  view: View;
  /** What is searched for. */
  words: string;
}

const ATTEMPT = /^(.*)\.(\d{0,6})$/su;

/** The query of a place, without `?`; empty for the run as it is. */
export function queryOf(to: Place): string {
  const query = new URLSearchParams();
  if (to.test !== null) query.set('t', testText(to.test, to.attempt));
  if (to.step !== null) query.set('s', to.step);
  if (to.line !== null) query.set('l', to.line.line === 0 ? String(to.line.seq) : `${to.line.seq}.${to.line.line}`);
  if (to.at !== null) query.set('at', String(to.at));
  if (to.view !== 'run') query.set('v', to.view);
  if (to.words !== '') query.set('q', to.words);
  return query.toString();
}

/** The place that a query names. What can't be read is as if it were not there. */
export function placeOf(search: string): Place {
  const query = new URLSearchParams(search);
  const { test, attempt } = testOf(query.get('t') ?? '');
  const line = /^(\d+)(?:\.(\d+))?$/.exec(query.get('l') ?? '');
  const view = VIEWS.find((one) => one === query.get('v')) ?? 'run';
  const seq = line === null ? null : natural(line[1]);
  return {
    test,
    attempt: test === null ? null : attempt,
    step: query.get('s'),
    line: seq === null ? null : { seq, line: natural(line?.[2] ?? '0') ?? 0 },
    at: natural(query.get('at') ?? undefined) || null,
    view,
    words: query.get('q') ?? '',
  };
}

function testText(key: TestKey, attempt: number | null): string {
  if (attempt !== null) return `${key}.${attempt}`;
  return ATTEMPT.test(key) ? `${key}.` : key;
}

function testOf(text: string): { test: TestKey | null; attempt: number | null } {
  const parts = ATTEMPT.exec(text);
  if (parts === null) return { test: text || null, attempt: null };
  return { test: parts[1] || null, attempt: parts[2] ? Number(parts[2]) : null };
}

function natural(text: string | undefined): number | null {
  if (text === undefined || !/^\d+$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}
