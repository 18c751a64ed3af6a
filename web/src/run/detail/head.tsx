/** The head of a test: its verdict and title, where it is, whether it failed before, its attempts, and what one does next. */
import { useEffect, useState } from 'preact/hooks';

import type { Attempt, TestRow } from '../../model.js';
import { Button } from '../../ui/button.js';
import { CopyButton } from '../../ui/copy.js';
import { duration } from '../../ui/format.js';
import { Segments } from '../../ui/segments.js';
import { shownOf } from '../../ui/status.js';
import { StatusIcon } from '../../ui/status-icon.js';
import { oneLine, Text } from '../../ui/text.js';
import { WorkerTag } from '../../ui/worker-tag.js';
import { go } from '../place.js';
import { clock, head, onScreen } from '../store.js';
import type { FileItem } from './files.js';
import { downloadUrl, viewerUrl } from './files.js';
import { History } from './history.js';
import { known, liveTrace } from './lookup.js';
import { Place } from './place-link.js';
import { rerun } from './rerun.js';
import { TraceHelp } from './trace-help.js';

export interface HeadProps {
  test: TestRow;
  attempts: readonly Attempt[];
  /** The attempt that is shown; null: both side by side. */
  shown: Attempt | null;
  /** Whether attempts can be shown side by side. */
  both: boolean;
  files: readonly FileItem[];
}

export function Head({ test, attempts, shown, both, files }: HeadProps) {
  const state = shownOf(test);
  const title = test.path.at(-1) ?? test.testId;
  const above = test.path.slice(0, -1);
  const slot = shown?.slotLabel ?? test.slotLabel;
  const stream = test.producer === null || test.slot === null ? null : `${test.producer}/${test.slot}`;
  const asExpected = shown?.expected === 'failed' && shown.status === 'failed';
  const command = rerun(test);
  return (
    <header class="detail-head">
      {above.length === 0 ? null : <Text of={above.join(' › ')} class="detail-path" />}
      <h2 class="detail-title">
        <StatusIcon of={state} size={16} />
        <bdi title={oneLine(title, 2_000)}>{oneLine(title, 600)}</bdi>
      </h2>
      <p class="detail-facts">
        <Place test={test} />
        {test.project === null ? null : <Text of={test.project} />}
        {test.variant === null ? null : <Text of={test.variant} />}
        {slot === null ? null : (
          <span class="detail-worker">
            worker{' '}
            <WorkerTag label={slot} on={test.status === 'running' && stream !== null && onScreen.value === stream} />
          </span>
        )}
        {asExpected ? <span>failed, as was expected</span> : null}
        {shown?.holdMs ? <span>held open for {duration(shown.holdMs)}</span> : null}
        {test.tags.map((tag) => (
          <span class="detail-tag" key={tag}>
            {oneLine(tag, 40)}
          </span>
        ))}
      </p>
      <Annotations test={test} attempt={shown} />
      <History
        test={test.key}
        state={`${test.status} ${test.outcome} ${test.attempt}`}
        ended={test.outcome !== null}
      />
      <div class="detail-bar">
        {attempts.length > 1 && (shown !== null || !both) ? (
          <Attempts attempts={attempts} shown={shown} both={both} />
        ) : null}
        <span class="detail-gap" />
        {command.text === '' || (!command.isCommand && test.file === null) ? null : (
          <CopyButton
            text={command.text}
            label={command.isCommand ? `Rerun command: ${command.text}` : 'Copy its place: file, line and title'}
          >
            {command.isCommand ? 'Rerun command' : 'Copy its place'}
          </CopyButton>
        )}
        {shown === null ? null : <TraceButton attempt={shown} files={files} />}
      </div>
    </header>
  );
}

function Annotations({ test, attempt }: { test: TestRow; attempt: Attempt | null }) {
  const all = [...test.annotations, ...(attempt?.annotations ?? [])];
  const once = all.filter(
    ({ type, description }, at) =>
      all.findIndex((other) => other.type === type && other.description === description) === at,
  );
  if (once.length === 0) return null;
  return (
    <ul class="detail-annotations">
      {once.map(({ type, description }, at) => (
        <li key={at}>
          <strong>{oneLine(type, 40)}</strong> {description === null ? null : <span>{oneLine(description, 400)}</span>}
        </li>
      ))}
    </ul>
  );
}

function Attempts({ attempts, shown, both }: { attempts: readonly Attempt[]; shown: Attempt | null; both: boolean }) {
  const one = ({ attempt, status, durationMs, startedAt }: Attempt) => ({
    value: String(attempt),
    label: (
      <>
        <StatusIcon of={status === 'pending' ? 'queued' : status} silent />
        {attempt + 1}{' '}
        <span class="attempt-time">
          {durationMs !== null
            ? duration(durationMs)
            : status === 'running' && startedAt !== null
              ? duration(clock.value - startedAt)
              : ''}
        </span>
      </>
    ),
    says: `Attempt ${attempt + 1}, ${status}`,
  });
  const choices = [
    ...(both ? [{ value: 'both', label: 'Both', says: 'Both attempts side by side' }] : []),
    ...attempts.map(one),
  ];
  return (
    <Segments
      class="attempts"
      label="Attempt"
      of={choices}
      value={shown === null ? 'both' : String(shown.attempt)}
      onChange={(value) => go({ attempt: value === 'both' ? null : Number(value), step: null })}
    />
  );
}

/** Opens the attempt's newest trace in a tab of its own; while it runs the one that grows. */
export function TraceButton({ attempt, files }: { attempt: Attempt; files: readonly FileItem[] }) {
  const runId = head.value?.runId ?? '';
  const artifact = files.findLast(({ kind, artifact }) => kind === 'trace' && artifact !== null)?.artifact ?? null;
  const live = useLiveTrace(runId, attempt, artifact === null);
  if (artifact !== null) {
    const trace = known(artifact);
    const viewer = viewerUrl(runId, trace);
    const file = downloadUrl(runId, trace);
    if (viewer !== null) return <Link icon="trace" href={viewer} apart words="Trace" />;
    return file === null ? null : <TraceHelp file={file} />;
  }
  return live === null ? null : <Link icon="trace" href={live} apart words="Live trace" />;
}

function Link({ icon, href, words, apart = false }: { icon: 'trace'; href: string; words: string; apart?: boolean }) {
  return (
    <Button icon={icon} href={href} apart={apart} class="trace-button">
      {words}
    </Button>
  );
}

function useLiveTrace(runId: string, { traceId, status }: Attempt, wanted: boolean): string | null {
  const [url, setUrl] = useState<string | null>(null);
  const running = status === 'running';
  const turn = running && url === null ? Math.floor(clock.value / 5_000) : 0;
  useEffect(() => {
    let current = true;
    if (!wanted || traceId === null) setUrl(null);
    else if (url === null) void liveTrace(runId, traceId).then((found) => current && setUrl(found));
    return () => {
      current = false;
    };
  }, [runId, traceId, wanted, turn]);
  return url;
}
