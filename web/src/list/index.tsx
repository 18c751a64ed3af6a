/** The page with the list of runs. */
import { render } from 'preact';
import { useEffect } from 'preact/hooks';

import { bind, listen } from '../run/keys/index.js';
import { Boundary } from '../ui/boundary.js';
import { Button } from '../ui/button.js';
import { count, plural } from '../ui/format.js';
import { Icon } from '../ui/icons.js';
import { readRights } from '../ui/rights.js';
import '../ui/theme.js';
import { Controls } from './controls.js';
import { Empty } from './empty.js';
import { more, start } from './feed.js';
import { Head } from './head.js';
import { Row } from './row.js';
import {
  anyRun,
  cursor,
  drawn,
  filter,
  groups,
  leave,
  loaded,
  loading,
  now,
  point,
  refusal,
  release,
  runOf,
  shown,
} from './store.js';

function ListPage() {
  useEffect(bindKeys, []);
  useEffect(() => {
    document.title = now.value > 0 ? `${now.value} now · runcast` : 'runcast';
  }, [now.value]);
  const first = loaded.value && anyRun.value === false && refusal.value === null;
  return (
    <div class="list-page">
      <Head />
      <Boundary of="The list of runs">
        <main class="list-main" aria-label="Runs" aria-busy={loading.value}>
          {first || refusal.value !== null ? null : (
            <>
              <h1 class="hidden-text">Runs</h1>
              <Controls />
            </>
          )}
          {loaded.value && (first || drawn.value === 0) ? <Empty /> : <Runs />}
        </main>
      </Boundary>
    </div>
  );
}

const COLUMNS = ['Status', 'Run', 'Branch', 'Author', 'Tests', 'Time', 'Started'];

function Runs() {
  const { sections, waiting } = shown.value;
  if (!loaded.value) return null;
  return (
    <>
      {waiting === 0 ? null : (
        <button type="button" class="list-waiting" onClick={release}>
          {waiting === 1 ? 'A new run' : `${count(waiting)} new runs`}
          <Icon name="up" size={14} />
        </button>
      )}
      <div
        class="list-table"
        role="table"
        aria-label="Runs"
        onPointerMove={(event) => event.pointerType === 'mouse' && point()}
        onPointerLeave={leave}
        onFocusIn={(event) => (event.target as Element).matches(':focus-visible') && point()}
        onFocusOut={(event) => event.currentTarget.matches(':hover') || leave()}
      >
        <div class="list-columns" role="row">
          {COLUMNS.map((name) => (
            <span key={name} role="columnheader">
              {name}
            </span>
          ))}
        </div>
        {sections.map(({ title, runs }) => (
          <div key={title} role="rowgroup" aria-label={title} class="list-section">
            <div class="list-heading" role="row">
              <span role="cell" aria-colspan={COLUMNS.length}>
                {title}
              </span>
            </div>
            {runs.map((runId) => (
              <Known key={runId} runId={runId} />
            ))}
          </div>
        ))}
      </div>
      <Foot />
    </>
  );
}

/** A row by its run's id; one that was deleted while somebody points at it keeps its place. */
function Known({ runId }: { runId: string }) {
  const row = runOf(runId);
  return row === undefined ? (
    <p class="list-gone" role="row">
      <span role="cell" aria-colspan={COLUMNS.length}>
        This run was deleted.
      </span>
    </p>
  ) : (
    <Row row={row} />
  );
}

function Foot() {
  const all = groups.value?.[filter.value.group] ?? null;
  const some = all !== null && all > drawn.value;
  return (
    <footer class="list-foot">
      <span class="dim">{some ? `${count(drawn.value)} of ${count(all)}` : plural(drawn.value, 'run')}</span>
      {cursor.value === null ? null : (
        <Button disabled={loading.value} onClick={() => void more()}>
          {loading.value ? 'Loading' : 'Load more'}
        </Button>
      )}
    </footer>
  );
}

function bindKeys(): () => void {
  const move = (by: 1 | -1) => () => {
    const links = [...document.querySelectorAll<HTMLElement>('.list-link')];
    const at = links.findIndex((link) => link === document.activeElement);
    const next = links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(at + by, links.length - 1))];
    next?.focus();
    next?.closest('.list-row')?.scrollIntoView({ block: 'nearest' });
  };
  const ends = [
    ...['j', 'ArrowDown'].map((key) => bind({ key, group: 'Page', says: 'next run', repeats: true, run: move(1) })),
    ...['k', 'ArrowUp'].map((key) => bind({ key, group: 'Page', says: 'run before', repeats: true, run: move(-1) })),
  ];
  const end = listen();
  return () => [...ends, end].forEach((one) => one());
}

start();
void readRights();
const root = document.getElementById('page');
if (root !== null) render(<ListPage />, root);
