/** What of a run's change is worth a notification. Pure. */
import { nameOf, type RunRow } from './rows.js';

export interface News {
  title: string;
  body: string;
  /** A later one with the same tag takes its place. */
  tag: string;
}

/** What has happened to a run: it needs somebody, or it has ended. Null: neither, or it was not known before. */
export function newsOf(before: RunRow | undefined, after: RunRow): News | null {
  if (before === undefined) return null;
  const { name, detail } = nameOf(after);
  const called = detail === null ? name : `${name} ${detail}`;
  if (after.word === 'needs_you' && before.word !== 'needs_you') {
    return { title: `Needs you: ${called}`, body: (after.ask?.question ?? '').slice(0, 200), tag: `runcast/${after.runId}/ask` };
  }
  if (before.over || !after.over) return null;
  const { failed = 0, flaky = 0, passed = 0 } = after.tests ?? {};
  const parts = [failed && `${failed} failed`, flaky && `${flaky} flaky`, passed && `${passed} passed`].filter(Boolean);
  const word = after.word === 'timedout' ? 'Timed out' : after.word[0]!.toUpperCase() + after.word.slice(1);
  return { title: `${word}: ${called}`, body: parts.join(', '), tag: `runcast/${after.runId}/end` };
}
