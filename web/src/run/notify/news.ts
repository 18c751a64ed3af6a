/** What is worth a notification. Pure. */
import type { Head } from '../../model.js';
import { oneLine } from '../../ui/text.js';

type Known = Pick<Head, 'runId' | 'over' | 'word' | 'asks' | 'counts' | 'meta'>;

export interface News {
  title: string;
  body: string;
  /** A later one with the same tag takes its place. */
  tag: string;
}

/** What has happened between two states of the run: it needs somebody, or it has ended. */
export function newsOf(before: Known | null, after: Known): News | null {
  if (before === null || before.runId !== after.runId) return null;
  const name = oneLine(after.meta.title ?? after.meta.project ?? after.runId, 80);
  const known = new Set(before.asks.map(({ askId }) => askId));
  const ask = after.asks.find(({ askId }) => !known.has(askId));
  if (ask !== undefined)
    return { title: `Needs you: ${name}`, body: oneLine(ask.question, 200), tag: `runcast/${after.runId}/ask` };
  if (!before.over && after.over) {
    const { failed, flaky, passed } = after.counts;
    const parts = [failed && `${failed} failed`, flaky && `${flaky} flaky`, passed && `${passed} passed`].filter(
      Boolean,
    );
    const word = after.word === 'timedout' ? 'Timed out' : after.word[0]!.toUpperCase() + after.word.slice(1);
    return { title: `${word}: ${name}`, body: parts.join(', '), tag: `runcast/${after.runId}/end` };
  }
  return null;
}
