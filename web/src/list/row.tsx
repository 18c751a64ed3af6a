/** A run in the list. */
import { memo } from './memo.js';
import { ago, clockTime } from '../ui/format.js';
import { Icon } from '../ui/icons.js';
import { WORDS } from '../ui/status.js';
import { Text, oneLine } from '../ui/text.js';
import { elapsed, lineOf } from './line.js';
import { nameOf, partsOf, testsWords, type RunRow } from './rows.js';
import { clock, minute } from './store.js';

/** Characters of a commit's id. */
const COMMIT = 7;
/** Labels that are shown. */
const LABELS = 3;

export const Row = memo(function Row({ row }: { row: RunRow }) {
  const { name, detail } = nameOf(row);
  const { meta } = row;
  const labels = meta.labels ?? [];
  return (
    <div class="list-row" role="row" data-word={row.word}>
      <span role="cell" class="list-status">
        <Word row={row} />
      </span>
      <span role="cell" class="list-run">
        <span class="list-name">
          <a class="list-link" href={`/runs/${encodeURIComponent(row.runId)}`}>
            <Text of={name} />
          </a>
          {detail === null ? null : <Text of={detail} class="list-detail" />}
          {labels.slice(0, LABELS).map((label) => (
            <Text key={label} of={label} class="list-label" />
          ))}
          {labels.length > LABELS ? <span class="dim">+{labels.length - LABELS}</span> : null}
        </span>
        <SecondLine row={row} />
      </span>
      <span role="cell" class="list-branch">
        {meta.branch === undefined ? null : (
          <span class="list-branch-name">
            <Icon name="branch" size={14} />
            <Text of={meta.branch} />
          </span>
        )}
        {meta.commit === undefined ? null : (
          <span class="list-commit mono">{oneLine(meta.commit, 40).slice(0, COMMIT)}</span>
        )}
      </span>
      <span role="cell" class="list-author">
        {meta.author === undefined ? null : <Text of={meta.author} />}
      </span>
      <span role="cell" class="list-tests">
        <Tests row={row} />
      </span>
      <span role="cell" class="list-time">
        <Elapsed row={row} />
      </span>
      <span role="cell" class="list-started">
        <Ago at={row.startedAt} />
      </span>
    </div>
  );
});

function Word({ row }: { row: RunRow }) {
  const { icon, tone, word } = WORDS[row.word];
  return (
    <span class="list-word" data-tone={tone}>
      <Icon name={icon} size={14} /> {word.toUpperCase()}
    </span>
  );
}

function SecondLine({ row }: { row: RunRow }) {
  const ticks = row.word === 'needs_you';
  const line = lineOf(row, ticks ? clock.value : minute.value);
  if (line === null) return null;
  return (
    <span class={`list-line list-line-${line.kind}`}>
      <Text of={line.text} />
      {line.left === null ? null : <strong> {line.left}</strong>}
    </span>
  );
}

function Tests({ row }: { row: RunRow }) {
  const { tests } = row;
  if (tests === null || tests.total === 0) return null;
  const says = partsOf(row)
    .map(({ part, tests: many }) => `${many} ${part === 'ask' ? 'asks' : part}`)
    .join(', ');
  return (
    <>
      <span class="list-counts">
        {tests.failed > 0 ? (
          <span class="list-count" data-tone="fail">
            <Icon name="failed" size={12} label="failed" />
            {tests.failed.toLocaleString('en')}
          </span>
        ) : null}
        {tests.flaky > 0 ? (
          <span class="list-count" data-tone="flaky">
            <Icon name="flaky" size={12} label="flaky" />
            {tests.flaky.toLocaleString('en')}
          </span>
        ) : null}
        <span class="dim">{testsWords(tests)}</span>
      </span>
      <span class="list-bar" title={says}>
        {partsOf(row).map(({ part, tests: many }) => (
          <span key={part} class={`list-part list-part-${part}`} style={{ flexGrow: String(many) }} />
        ))}
      </span>
    </>
  );
}

function Elapsed({ row }: { row: RunRow }) {
  const ms = elapsed(row, row.over ? 0 : clock.value);
  return <>{row.over && ms < 1_000 ? '< 1 s' : clockTime(ms)}</>;
}

/** How long ago, each second in the first minute, and each minute then. */
function Ago({ at }: { at: number }) {
  const young = clock.peek() - at < 61_000;
  return (
    <time title={new Date(at).toLocaleString()}>
      {ago(at, young ? clock.value : Math.max(clock.peek(), minute.value))}
    </time>
  );
}
