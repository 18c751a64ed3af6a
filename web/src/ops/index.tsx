/** The page for whoever operates the servers: is the system well, and if not, what is wrong. */
import { render } from 'preact';
import { useEffect } from 'preact/hooks';

import { Boundary } from '../ui/boundary.js';
import { timeOfDay } from '../ui/format.js';
import '../ui/theme.js';
import { ActorsTable, RoomsTable } from './actors.js';
import { ArtifactsBlock } from './artifacts.js';
import { away, heardAt, ready, refused, start } from './feed.js';
import { Figures } from './now.js';
import { Refused } from './refused.js';
import { NodesTable, PartsTable, Wrong } from './parts.js';

const WORDS: Record<string, string> = { ok: 'WELL', degraded: 'DEGRADED', draining: 'DRAINING', starting: 'STARTING' };

function OpsPage() {
  useEffect(start, []);
  return refused.value ? <Refused /> : <Operated />;
}

function Operated() {
  const status = away.value !== null ? 'away' : (ready.value?.status ?? null);
  const word = status === null ? '' : status === 'away' ? 'AWAY' : (WORDS[status] ?? status.replace(/_/g, ' ').toUpperCase());
  useEffect(() => {
    document.title = word === '' ? 'ops · runcast' : `${word} · ops · runcast`;
  }, [word]);
  return (
    <div class="ops-page">
      <header class="list-top">
        <a class="list-brand" href="/">
          runcast
        </a>
        <nav class="list-nav" aria-label="Pages">
          <a href="/">Runs</a>
          <a href="/ops" aria-current="page">
            Ops
          </a>
        </nav>
        <p class="ops-heard dim">{heardAt.value === null ? '' : `as of ${timeOfDay(heardAt.value, true)}`}</p>
      </header>
      <main class="ops-main">
        <h1 class="ops-word" data-status={status ?? 'none'} aria-live="polite">
          {word}
        </h1>
        <Boundary of="What is wrong">
          <Wrong />
        </Boundary>
        <Boundary of="Figures">
          <Figures />
        </Boundary>
        <div class="ops-columns">
          <Boundary of="Parts">
            <PartsTable />
          </Boundary>
          <Boundary of="Nodes">
            <NodesTable />
          </Boundary>
          <Boundary of="Artifacts">
            <ArtifactsBlock />
          </Boundary>
          <Boundary of="Actors">
            <ActorsTable />
          </Boundary>
          <Boundary of="Rooms">
            <RoomsTable />
          </Boundary>
        </div>
      </main>
    </div>
  );
}

const root = document.getElementById('page');
if (root !== null) render(<OpsPage />, root);
