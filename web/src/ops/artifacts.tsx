/** Artifacts: how many, how much of them is stored, what is due, and what the last cleanup did. */
import { useState } from 'preact/hooks';

import { Button } from '../ui/button.js';
import { ago, bytes, count, plural } from '../ui/format.js';
import { cleanup, noCleanup, sweep, type Swept } from './feed.js';

function told(swept: Swept, isDry: boolean): string {
  const gone = swept.expired.count + swept.removed.count;
  const size = bytes(swept.expired.bytes + swept.removed.bytes);
  const what = gone === 0 ? 'nothing is due' : `${plural(gone, 'artifact')}, ${size}, ${isDry ? 'would go' : 'went'}`;
  return swept.error === null ? what : `${what}; it stopped early: ${swept.error}`;
}

export function ArtifactsBlock() {
  const [said, setSaid] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [sure, setSure] = useState(false);
  const now = cleanup.value;
  const run = (isDry: boolean) => {
    setBusy(true);
    setSure(false);
    sweep(isDry)
      .then((swept) => setSaid(told(swept, isDry)))
      .catch((error: Error) => setSaid(error.message))
      .finally(() => setBusy(false));
  };
  return (
    <section class="ops-block">
      <h2>Artifacts</h2>
      {now === null ? (
        <p class="dim">{noCleanup.value ?? ''}</p>
      ) : (
        <>
          <p>
            {plural(now.totalArtifacts, 'artifact')}, {bytes(now.totalOriginalBytes)} stored as {bytes(now.totalStorageBytes)}, −{now.savedPercent} %
          </p>
          <p class="dim">
            Kept for {plural(now.retentionDays, 'day')}; {count(now.artifactsPendingDeletion)} are due.{' '}
            {now.lastRun === null ? 'No cleanup has run yet.' : `Last cleanup ${ago(Date.parse(now.lastRun.startedAt), Date.now())}: ${told(now.lastRun, false)}.`}
          </p>
          <p class="ops-actions">
            <Button disabled={busy} onClick={() => run(true)}>
              Look what is due
            </Button>
            <Button disabled={busy} onClick={() => (sure ? run(false) : setSure(true))}>
              {sure ? 'Clean up now: sure?' : 'Clean up now'}
            </Button>
            <span role="status">{said}</span>
          </p>
        </>
      )}
    </section>
  );
}
