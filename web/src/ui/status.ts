/** The states of tests and runs, as people see them: a shape, a colour and a word each. */
import type { TestRow, Word } from '../model.js';
import type { IconName } from './icons.js';

/** The state of a test as it is shown. */
export type Shown =
  | 'ask' // it asks a question
  | 'failed'
  | 'timedout'
  | 'interrupted'
  | 'flaky'
  | 'passed'
  | 'skipped'
  | 'running'
  | 'paused'
  | 'held' // kept open after its failure
  | 'queued';

/** The colours' names: each is a variable of tokens.css, and a `data-tone`. */
export type Tone = 'ai' | 'fail' | 'flaky' | 'pass' | 'run' | 'pause' | 'dim';

interface Look {
  icon: IconName;
  tone: Tone;
  word: string;
}

/** How the state of a test looks. */
export const LOOKS: Record<Shown, Look> = {
  ask: { icon: 'ask', tone: 'ai', word: 'asks' },
  failed: { icon: 'failed', tone: 'fail', word: 'failed' },
  timedout: { icon: 'failed', tone: 'fail', word: 'timed out' },
  interrupted: { icon: 'interrupted', tone: 'fail', word: 'interrupted' },
  flaky: { icon: 'flaky', tone: 'flaky', word: 'flaky' },
  passed: { icon: 'passed', tone: 'pass', word: 'passed' },
  skipped: { icon: 'skipped', tone: 'dim', word: 'skipped' },
  running: { icon: 'running', tone: 'run', word: 'running' },
  paused: { icon: 'paused', tone: 'pause', word: 'paused' },
  held: { icon: 'held', tone: 'pause', word: 'held open' },
  queued: { icon: 'queued', tone: 'dim', word: 'queued' },
};

/** How the word of a run looks; in the bar it stands in capitals. */
export const WORDS: Record<Word, Look> = {
  waiting: { icon: 'waiting', tone: 'dim', word: 'waiting' },
  queued: { icon: 'queued', tone: 'dim', word: 'queued' },
  running: { icon: 'running', tone: 'run', word: 'running' },
  failing: { icon: 'failed', tone: 'fail', word: 'failing' },
  needs_you: { icon: 'ask', tone: 'ai', word: 'needs you' },
  paused: { icon: 'paused', tone: 'pause', word: 'paused' },
  stalled: { icon: 'lost', tone: 'pause', word: 'stalled' },
  passed: { icon: 'passed', tone: 'pass', word: 'passed' },
  failed: { icon: 'failed', tone: 'fail', word: 'failed' },
  timedout: { icon: 'timedout', tone: 'fail', word: 'timed out' },
  interrupted: { icon: 'interrupted', tone: 'fail', word: 'interrupted' },
  cancelled: { icon: 'skipped', tone: 'dim', word: 'cancelled' },
  lost: { icon: 'lost', tone: 'fail', word: 'lost' },
};

type Told = Pick<TestRow, 'status' | 'outcome'> & Partial<Pick<TestRow, 'askId' | 'held' | 'paused'>>;

/** The state of a test as it is shown: what it needs, then what became of it, then what it does. */
export function shownOf(test: Told): Shown {
  if (test.askId != null) return 'ask';
  if (test.held) return 'held';
  if (test.status === 'running') return test.paused ? 'paused' : 'running';
  if (test.status === 'pending') return 'queued';
  if (test.outcome === 'flaky') return 'flaky';
  if (test.status === 'skipped' || test.outcome === 'skipped') return 'skipped';
  if (test.outcome === 'expected' || (test.outcome === null && test.status === 'passed')) return 'passed';
  return test.status === 'timedout' || test.status === 'interrupted' ? test.status : 'failed';
}
