/** How a run ended, and why, if it did not just end. */
import type { Head } from '../../model.js';
import { plain, plural, timeOfDay } from '../../ui/format.js';

export interface Why {
  /** The sentence: `Cancelled by Ada at 17:04:22.` */
  what: string;
  /** What follows from it, or what was known. */
  more: string[];
}

type Known = Pick<Head, 'word' | 'commands' | 'endedAt' | 'lastEventAt' | 'lastError' | 'counts' | 'producers' | 'shards'>;

/** Says it; null: the run ended by itself, and nothing went wrong outside its tests. */
export function whyEnded(run: Known): Why | null {
  const at = run.endedAt === null ? '' : ` at ${timeOfDay(run.endedAt, true)}`;
  const more: string[] = [];
  let what = '';
  if (run.word === 'cancelled') {
    const cancel = run.commands.filter(({ type }) => type === 'cancel').sort((one, other) => other.seq - one.seq)[0];
    what = `Cancelled${cancel === undefined ? '' : ` by ${cancel.by.name || cancel.by.subject}`}${at}.`;
  } else if (run.word === 'lost') {
    const silent = run.producers.filter(({ state }) => state === 'lost' || state === 'silent').length;
    what = 'Lost: its workers fell silent, and nobody ended the run.';
    if (run.lastEventAt !== null) more.push(`The last that was heard of it came at ${timeOfDay(run.lastEventAt, true)}.`);
    if (silent > 1) more.push(`${silent} producers were lost.`);
  } else if (run.word === 'interrupted') what = `Interrupted${at}: its runner was stopped before it was done.`;
  else if (run.word === 'timedout') what = `Timed out${at}: the run took longer than it may.`;
  const missing = run.shards.reduce((sum, shard) => sum + shard.missing.length, 0);
  if (missing > 0) more.push(`${plural(missing, 'shard')} never came.`);
  if (run.lastError !== null) {
    if (what === '') what = 'Something failed outside the tests.';
    more.push(plain(run.lastError.message).trim().slice(0, 600));
  }
  if (what === '' && missing > 0) what = 'The run is not whole.';
  if (what === '') return null;
  const { queued, running } = run.counts;
  if (queued > 0) more.push(`${plural(queued, 'test')} did not run.`);
  if (running > 0) more.push(`${plural(running, 'test')} never ended.`);
  return { what, more };
}
