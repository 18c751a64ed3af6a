/** What is shown of a run that has ended, where its screen was: what failed, how it ended, its workers, the run before. */
import { useState } from 'preact/hooks';

import { Button } from '../../ui/button.js';
import { bytes, plural } from '../../ui/format.js';
import { WORDS } from '../../ui/status.js';
import { StatusIcon } from '../../ui/status-icon.js';
import { RunFiles } from '../detail/run-files.js';
import { artifacts, head } from '../store.js';
import { Against } from './against.js';
import { Failures } from './failures.js';
import { LanesView } from './lanes-view.js';
import { whyEnded } from './why.js';

export function Ended() {
  return (
    <section class="ended" aria-label="Summary">
      <Reason />
      <Failures />
      <LanesView />
      <Against />
      <Files />
    </section>
  );
}

function Reason() {
  const run = head.value;
  const why = run === null ? null : whyEnded(run);
  if (run === null || why === null) return null;
  return (
    <section class="ended-part ended-why" aria-label="How it ended" data-tone={WORDS[run.word].tone}>
      <p class="ended-what">
        <StatusIcon of={run.word} silent />
        <strong>{why.what}</strong>
      </p>
      {why.more.map((line) => (
        <p key={line} class="ended-line">
          {line}
        </p>
      ))}
    </section>
  );
}

function Files() {
  const [open, setOpen] = useState(false);
  const all = artifacts.value;
  if (all.length === 0) return null;
  const size = all.reduce((sum, artifact) => sum + (artifact.size ?? 0), 0);
  return (
    <div class={open ? 'ended-files ended-files-open' : 'ended-part ended-files'}>
      {open ? (
        <RunFiles onBack={() => setOpen(false)} />
      ) : (
        <Button icon="file" onClick={() => setOpen(true)}>
          {`${plural(all.length, 'file')} of the run, ${bytes(size)}`}
        </Button>
      )}
    </div>
  );
}
