/** One test, as high as its form says. While the order stands still, a row whose test went on says so in its place. */
import type { Ask, TestRow } from '../../model.js';
import { clockTime, duration, timeOfDay } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { LOOKS, shownOf, type Shown } from '../../ui/status.js';
import { StatusIcon } from '../../ui/status-icon.js';
import { Text } from '../../ui/text.js';
import { WorkerTag } from '../../ui/worker-tag.js';
import { clock, head, onScreen, shownNow } from '../store.js';
import { errorLines } from './errors.js';
import { placeOf } from './groups.js';
import type { Form } from './items.js';
import { severalPlaces } from './state.js';
import { traceOf } from './traces.js';

/** What is inside of a test's row. */
export function TestContent({ test, form, inSection }: { test: TestRow; form: Form; inSection: boolean }) {
  const shown = shownOf(test);
  const project = inSection || !severalPlaces.value ? '' : placeOf(test);
  return (
    <>
      <span class={`tests-icon tests-icon-${form}`}>
        <StatusIcon of={shown} />
      </span>
      <div class="tests-main">
        <div class={`tests-line tests-head-${form}`}>
          <Text of={titleOf(test)} class="tests-title" />
          {project === '' || form === 'failed' || form === 'flaky' ? null : (
            <Text of={project} class="tests-project" tip={false} />
          )}
          {form === 'plain' ? <Time test={test} shown={shown} /> : null}
        </div>
        {form === 'running' ? <Doing test={test} shown={shown} /> : null}
        {form === 'failed' || form === 'flaky' ? <Failure test={test} shown={shown} form={form} /> : null}
        {form === 'ask' ? <Question test={test} /> : null}
      </div>
    </>
  );
}

/** The title of a test with those of its groups. */
export function titleOf(test: TestRow): string {
  return test.path.join(' › ');
}

function Time({ test, shown }: { test: TestRow; shown: Shown }) {
  if (shown === 'skipped') return <span class="tests-time">skipped</span>;
  if (shown === 'running' || shown === 'paused') return <Elapsed since={test.startedAt} />;
  return test.durationMs === null ? null : <span class="tests-time">{duration(test.durationMs)}</span>;
}

function Elapsed({ since }: { since: number | null }) {
  void clock.value;
  return since === null ? null : <span class="tests-time">{duration(Math.max(0, shownNow() - since))}</span>;
}

function Doing({ test, shown }: { test: TestRow; shown: Shown }) {
  const stream = test.producer === null || test.slot === null ? null : `${test.producer}/${test.slot}`;
  const runs = shown === 'running' || shown === 'paused';
  const paused = head.value?.paused ?? null;
  const step = test.step?.title ?? (test.attempt > 0 ? `attempt ${test.attempt + 1}` : 'begins');
  return (
    <div class="tests-line tests-doing" data-tone={shown === 'paused' ? 'pause' : undefined}>
      {test.slotLabel === null ? null : (
        <WorkerTag label={test.slotLabel} on={stream !== null && stream === onScreen.value} />
      )}
      {runs ? (
        <Text of={shown !== 'paused' ? step : test.step === null ? 'paused' : `before ${step}`} class="tests-step" />
      ) : (
        <span class="dim">{LOOKS[shown].word}</span>
      )}
      {runs ? (
        shown === 'paused' && paused !== null ? (
          <Since at={paused.since} />
        ) : (
          <Elapsed since={test.step?.startedAt ?? test.startedAt} />
        )
      ) : (
        <Time test={test} shown={shown} />
      )}
    </div>
  );
}

function Since({ at }: { at: number }) {
  void clock.value;
  return <span class="tests-time">{clockTime(shownNow() - at)}</span>;
}

function Failure({ test, shown, form }: { test: TestRow; shown: Shown; form: 'failed' | 'flaky' }) {
  const lines = test.error === null ? null : errorLines(test.error);
  const trace = traceOf(test);
  const facts = factsOf(test, shown);
  return (
    <>
      {lines === null ? (
        <div class="tests-line dim">{LOOKS[shown].word}</div>
      ) : (
        <Text
          of={lines.message}
          class={`tests-error mono ${LOOKS[shown].tone === 'fail' || shown === 'held' ? '' : 'tests-error-past'}`}
        />
      )}
      {form === 'failed' ? (
        <Text of={lines?.about ?? test.errorLocation ?? LOOKS[shown].word} class="tests-about mono" />
      ) : null}
      <div class="tests-line tests-facts">
        {facts === '' ? null : <Text of={facts} class="dim" tip={false} />}
        {trace === null ? null : (
          <a
            class="tests-trace"
            href={trace}
            target="_blank"
            rel="noopener"
            tabIndex={-1}
            onClick={(event) => event.stopPropagation()}
          >
            <Icon name="trace" size={14} />
            Trace
          </a>
        )}
      </div>
    </>
  );
}

/** `chromium · attempt 2 of 2 · 3.3 s`. */
export function factsOf(test: TestRow, shown: Shown): string {
  const facts = [severalPlaces.value ? placeOf(test) : ''];
  const attempts = test.attempt + 1;
  if (shown === 'held') facts.push('held open');
  else if (shown === 'timedout') facts.push('timed out');
  else if (shown === 'interrupted') facts.push('interrupted');
  if (shown === 'flaky') facts.push(`passed on attempt ${attempts} of ${attempts}`);
  else if (shown === 'running') facts.push(`runs, attempt ${attempts}`);
  else if (attempts > 1) facts.push(`attempt ${attempts} of ${attempts}`);
  if (test.durationMs !== null && shown !== 'flaky') facts.push(duration(test.durationMs));
  return facts.filter((fact) => fact !== '').join(' · ');
}

function Question({ test }: { test: TestRow }) {
  const ask: Ask | undefined = head.value?.asks.find(({ askId }) => askId === test.askId);
  return (
    <>
      <Text of={ask?.question ?? 'It asks.'} class="tests-question" />
      <div class="tests-line tests-facts">
        {test.slotLabel === null ? null : <WorkerTag label={test.slotLabel} />}
        <span class="cut dim">{ask === undefined ? 'answered' : untilText(ask, test)}</span>
      </div>
    </>
  );
}

function untilText(ask: Ask, test: TestRow): string {
  const until = ask.expiresAt === null ? 'waits for an answer' : `answers until ${timeOfDay(ask.expiresAt, true)}`;
  return test.step === null ? until : `${test.step.title} · ${until}`;
}
