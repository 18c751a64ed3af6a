/** This run beside the one before it on its branch, and its slowest tests. */
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';

import type { ComparedTest, Comparison, TestRow } from '../../model.js';
import { count, duration } from '../../ui/format.js';
import { shownOf, type Shown } from '../../ui/status.js';
import { StatusIcon } from '../../ui/status-icon.js';
import { oneLine, Text } from '../../ui/text.js';
import { place } from '../place.js';
import { head, tests, testsVersion } from '../store.js';
import { call } from '../worker.js';
import { openTest } from './open.js';

const comparison = signal<Comparison | null>(null);
let askedFor: string | null = null;

/** Asks once for each run; servers of before know no such route, and then there is nothing to show. */
function useComparison(): Comparison | null {
  const runId = head.value?.runId ?? null;
  useEffect(() => {
    if (runId === null || askedFor === runId) return;
    askedFor = runId;
    void call('compare', {}).then(
      (answer) => (comparison.value = answer),
      () => (comparison.value = null),
    );
  }, [runId]);
  return comparison.value;
}

/** `−12 s`, `+0.4 s`, `+2:10`: a change of time; tenths below ten seconds. */
export function change(ms: number): string {
  const sign = ms < 0 ? '−' : '+';
  const size = Math.abs(ms);
  if (size < 50) return '0 s';
  return (
    sign +
    (size < 9_950 ? `${(size / 1_000).toFixed(1)} s` : size < 59_500 ? `${Math.round(size / 1_000)} s` : duration(size))
  );
}

/** A run that took less, in milliseconds, was posted afterwards: nothing is known of how long it took. */
const AT_ONCE = 1_000;

export function Against() {
  const told = useComparison();
  if (told?.with == null) return <Slowest tests={slowestOf(told)} />;
  const { with: before, counts, elapsedMs } = told;
  const name = before.number === null ? oneLine(before.runId, 40) : `#${before.number}`;
  const { now, before: then } = elapsedMs;
  const time = now === null || then === null || Math.min(now, then) < AT_ONCE ? null : now - then;
  return (
    <>
      <section class="ended-part against" aria-label="Against the run before">
        <h2>
          Against the run before{' '}
          <span class="dim">{before.branch === null ? name : `${name} on ${oneLine(before.branch, 60)}`}</span>
          <a class="against-link" href={`/runs/${encodeURIComponent(before.runId)}`}>
            Open it
          </a>
        </h2>
        <dl class="against-numbers">
          <Figure value={count(counts.fixed)} words="fixed" tone={counts.fixed > 0 ? 'pass' : undefined} />
          <Figure value={count(counts.failing)} words="newly failing" tone={counts.failing > 0 ? 'fail' : undefined} />
          <Figure value={count(counts.flaky)} words="newly flaky" tone={counts.flaky > 0 ? 'flaky' : undefined} />
          {time === null ? null : <Figure value={change(time)} words="time" />}
        </dl>
        <Changed of={told.failing} all={counts.failing} state="failed" words="passed before" />
        <Changed of={told.flaky} all={counts.flaky} state="flaky" words="passed before" />
        <Changed of={told.fixed} all={counts.fixed} state="passed" words="failed before" />
      </section>
      <Slowest tests={slowestOf(told)} />
    </>
  );
}

function Figure({
  value,
  words,
  tone,
}: {
  value: string;
  words: string;
  tone?: 'pass' | 'fail' | 'flaky' | undefined;
}) {
  return (
    <div class="against-figure">
      <dt>{words}</dt>
      <dd data-tone={tone}>{value}</dd>
    </div>
  );
}

/** Rows that are shown before one asks for more. */
const ROWS = 5;

function Changed({ of, all, state, words }: { of: readonly ComparedTest[]; all: number; state: Shown; words: string }) {
  const [open, setOpen] = useState(false);
  const shown = open ? of : of.slice(0, ROWS);
  return (
    <>
      {shown.map((test) => (
        <button
          key={test.key}
          type="button"
          class="ended-row"
          aria-current={place.value.test === test.key}
          onClick={() => openTest(test.key)}
        >
          <StatusIcon of={state} />
          <Text of={test.title} class="ended-title" />
          <span class="ended-dim">
            {[test.project === null ? null : oneLine(test.project, 40), words]
              .filter((part) => part !== null)
              .join('  ')}
          </span>
        </button>
      ))}
      {all <= shown.length ? null : !open && of.length > ROWS ? (
        <button type="button" class="ended-more" onClick={() => setOpen(true)}>
          {count(all - shown.length)} more
        </button>
      ) : (
        <p class="ended-more">and {count(all - shown.length)} more</p>
      )}
    </>
  );
}

interface Slow {
  key: string;
  title: string;
  project: string | null;
  durationMs: number;
  before: number | null;
}

/** The slowest tests: of the comparison, or of this run alone. */
function slowestOf(told: Comparison | null): Slow[] {
  void testsVersion.value;
  if (told !== null && told.slowest.length > 0) return told.slowest.slice(0, ROWS);
  const slow: TestRow[] = [];
  for (const test of tests.values()) {
    if (test.durationMs === null || shownOf(test) === 'skipped') continue;
    slow.push(test);
    if (slow.length > 4 * ROWS) slow.sort(byTime).splice(ROWS);
  }
  return slow
    .sort(byTime)
    .slice(0, ROWS)
    .map(({ key, path, project, durationMs }) => ({
      key,
      title: path.join(' › '),
      project,
      durationMs: durationMs ?? 0,
      before: null,
    }));
}

const byTime = (one: TestRow, other: TestRow) => (other.durationMs ?? 0) - (one.durationMs ?? 0);

function Slowest({ tests: slow }: { tests: readonly Slow[] }) {
  const longest = slow[0]?.durationMs ?? 0;
  if (slow.length === 0 || longest <= 0) return null;
  const compared = slow.some(({ before }) => before !== null);
  return (
    <section class="ended-part slowest" aria-label="Slowest tests">
      <h2>Slowest tests</h2>
      {slow.map(({ key, title, project, durationMs, before }) => (
        <button
          key={key}
          type="button"
          class="ended-row"
          aria-current={place.value.test === key}
          onClick={() => openTest(key)}
        >
          <Text of={title} class="ended-title" />
          {project === null ? null : <span class="ended-dim ended-project">{oneLine(project, 40)}</span>}
          <span class="slowest-bar" aria-hidden="true">
            <span style={{ width: `${(durationMs / longest) * 100}%` }} />
          </span>
          <span class="ended-time">{duration(durationMs)}</span>
          {compared ? (
            <span class="slowest-change">{before === null ? 'new' : tenths(durationMs - before)}</span>
          ) : null}
        </button>
      ))}
    </section>
  );
}

/** `+0.2`, `−0.3`, `0.0`: a change in seconds. */
export function tenths(ms: number): string {
  const text = (Math.abs(ms) / 1_000).toFixed(1);
  return text === '0.0' ? text : `${ms < 0 ? '−' : '+'}${text}`;
}
