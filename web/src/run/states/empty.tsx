/** Nothing was posted yet: three ways to post. */
import { useEffect, useState } from 'preact/hooks';

import { clockTime } from '../../ui/format.js';
import { CopyButton } from '../../ui/copy.js';
import { Icon } from '../../ui/icons.js';
import { clock, connection, head } from '../store.js';
import { SOON_MS, useLater } from '../top/index.js';
import { isComment, waysOf, type Package, type Way } from './ways.js';

/** The middle of the page while there is no run to show. */
export function Empty() {
  const later = useLater(SOON_MS);
  const link = connection.value;
  const run = head.value;
  if (run !== null) return <FirstSteps runId={run.runId} />;
  if (link?.closeCode != null) return <main class="empty" />; // the banner says it all
  if (!later) return <main class="empty" />;
  const catching = link?.status === 'catching-up' && link.tip > 0;
  return (
    <main class="empty empty-wait" aria-busy="true">
      <p>
        {catching ? `Catching up: ${link.seq.toLocaleString('en')} of ${link.tip.toLocaleString('en')}` : 'Connecting…'}
      </p>
    </main>
  );
}

function FirstSteps({ runId }: { runId: string }) {
  const packages = usePackages();
  return (
    <main class="empty">
      <h2 class="empty-title">
        Nothing has been posted to <code>{runId}</code> yet.
      </h2>
      <p class="empty-about">
        Choose one way. This page fills by itself and stays at the same address during and after the run.
      </p>
      {packages === null
        ? null
        : waysOf(runId, location.origin, packages).map((way) => <Block key={way.title} way={way} />)}
      <Checks />
    </main>
  );
}

function Block({ way }: { way: Way }) {
  return (
    <section class="empty-way">
      <div>
        <h3>{way.title}</h3>
        <p class="dim">{way.about}</p>
      </div>
      <div class="empty-blocks">
        {way.blocks.map((lines, at) => (
          <div key={at} class="empty-code">
            <pre tabIndex={0} aria-label={`${way.title}: what to write`}>
              {lines.map((line) => (
                <code key={line} class={isComment(line) ? 'dim' : undefined}>
                  {line}
                  {'\n'}
                </code>
              ))}
            </pre>
            <CopyButton text={lines.join('\n')} label={`Copy: ${way.title}`} kind="quiet" />
          </div>
        ))}
      </div>
    </section>
  );
}

function Checks() {
  const [since] = useState(() => Date.now());
  const link = connection.value;
  void clock.value;
  const connected = link?.status === 'live' || link?.status === 'polling';
  return (
    <ul class="empty-checks">
      <li data-tone={connected ? 'pass' : 'dim'}>
        <Icon name={connected ? 'passed' : 'queued'} size={14} />
        {connected ? 'This page is connected.' : 'Connecting…'}
      </li>
      {connected ? (
        <li data-tone="pass">
          <Icon name="passed" size={14} />
          You may watch this run.
        </li>
      ) : null}
      <li class="dim" data-tone="dim">
        <Icon name="queued" size={14} />
        Waiting for the first event, {clockTime(Date.now() - since)}.
      </li>
    </ul>
  );
}

function usePackages(): Package[] | null {
  const [packages, setPackages] = useState<Package[] | null>(null);
  useEffect(() => {
    const ended = new AbortController();
    fetch('/clients', { signal: ended.signal })
      .then(async (answer) => (answer.ok ? ((await answer.json()) as { packages?: Package[] }).packages : null))
      .then((told) => setPackages(told ?? []))
      .catch(() => ended.signal.aborted || setPackages([]));
    return () => ended.abort();
  }, []);
  return packages;
}
