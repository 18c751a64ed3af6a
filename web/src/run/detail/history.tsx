/** What became of the test in the runs before: a bar for each, and a sentence. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import type { HistoryResult, TestKey } from '../../model.js';
import { ago, duration } from '../../ui/format.js';
import { oneLine } from '../../ui/text.js';
import { clock } from '../store.js';
import { call } from '../worker.js';
import { sayHistory } from './said.js';

/** Histories that were asked for; the oldest give way. Null: the server has none. */
const MAX_KEPT = 100;
const histories = new Map<TestKey, HistoryResult[] | null>();
const version = signal(0);
/** Histories are asked for at most so often while their tests run, in milliseconds. */
const SOONEST = 5_000;
/** The server's list of results follows the log so late, in milliseconds. */
const LATE = 2_000;
/** How often it is asked for a result that is not in it yet. */
const TRIES = 3;
const askedAt = new Map<TestKey, number>();

async function ask(key: TestKey): Promise<void> {
  const answer = await call('history', { tests: [key] }).catch(() => null); // servers of before know no such route
  const results = answer?.tests.find((test) => test.key === key)?.results ?? null;
  if (results === null && histories.get(key)) return;
  histories.delete(key);
  histories.set(key, results);
  while (histories.size > MAX_KEPT) {
    const oldest = histories.keys().next().value!;
    histories.delete(oldest);
    askedAt.delete(oldest);
  }
  version.value += 1;
}

const WORDS: Record<string, string> = { expected: 'passed', unexpected: 'failed', flaky: 'flaky', skipped: 'skipped' };

function tipOf(result: HistoryResult): string {
  const name = result.current
    ? 'This run'
    : result.number !== null
      ? `#${result.number}`
      : (result.commit?.slice(0, 7) ?? result.runId);
  const parts = [
    `${name}: ${WORDS[result.outcome] ?? result.outcome}`,
    result.durationMs === null ? null : duration(result.durationMs),
    result.attempts > 1 ? `${result.attempts} attempts` : null,
    result.branch === null ? null : oneLine(result.branch, 80),
    ago(result.at, clock.peek()),
  ];
  return parts.filter((part) => part !== null).join(', ');
}

/**
 * `state`: what the test's result is now; when it changes, the history is asked for again. `ended`: this run has a
 * result of it, which may not be in the list yet.
 */
export function History({ test, state, ended }: { test: TestKey; state: string; ended: boolean }) {
  useEffect(() => {
    const wait = Math.max(LATE, (askedAt.get(test) ?? 0) + SOONEST - Date.now());
    let timer = setTimeout(askOnce, histories.has(test) ? wait : 0, TRIES);
    let current = true;
    async function askOnce(tries: number): Promise<void> {
      askedAt.set(test, Date.now());
      await ask(test);
      const has = histories.get(test)?.some((result) => result.current) ?? false;
      if (current && ended && !has && tries > 1) timer = setTimeout(askOnce, LATE, tries - 1);
    }
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [test, state]);
  void version.value;
  const results = histories.get(test)?.slice(-14);
  if (results === undefined || results.length === 0) return null;
  const said = sayHistory(results);
  return (
    <div class="history">
      <ol class="history-bars" aria-label="Results of the last runs">
        {results.map((result) => (
          <li key={result.runId}>
            <a
              class={result.current ? 'history-bar history-now' : 'history-bar'}
              data-outcome={result.outcome}
              href={`/runs/${encodeURIComponent(result.runId)}?t=${encodeURIComponent(test)}`}
              aria-label={tipOf(result)}
              aria-current={result.current || undefined}
              title={tipOf(result)}
            />
          </li>
        ))}
      </ol>
      {said === null ? null : (
        <p class="history-said">
          {said.strong === '' ? null : <strong>{said.strong}</strong>} <span class="dim">{said.more}</span>
        </p>
      )}
    </div>
  );
}
