/** The bar at the top: the word, what the run is about, counts, time, and whether it is live. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import type { Head } from '../../model.js';
import { Button } from '../../ui/button.js';
import { clockTime, count, plural } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { LOOKS, WORDS } from '../../ui/status.js';
import { StatusIcon } from '../../ui/status-icon.js';
import { Text } from '../../ui/text.js';
import { listOpen } from '../keys/index.js';
import { ExportButton, ShareButton, ShareDialogButton } from '../parts.js';
import { isNamed } from '../../ui/rights.js';
import { mayList, mayShare } from '../rights.js';
import { clock, connection, head, moment, serverNow } from '../store.js';
import { width } from '../width.js';
import { liveOf } from './live.js';
import { elapsedOf, leftText, progressText, sharesOf, type Share } from './numbers.js';
import { done } from './done.js';
import { keepTab } from './tab.js';

const NARROW_SHARES = new Set(['ask', 'failed', 'flaky', 'passed']);

export function TopBar() {
  useEffect(keepTab, []);
  const run = head.value;
  const narrow = width.value === 'narrow';
  const word = run === null ? null : WORDS[run.word];
  const shares = run === null ? [] : sharesOf(run);
  return (
    <header class="top-all">
      <div class="top" data-tone={word?.tone ?? 'dim'}>
        {mayList.value ? (
          <a class="top-back" href="/" aria-label="Runs" title="All runs">
            <Icon name="left" size={14} />
            {narrow ? null : 'Runs'}
          </a>
        ) : null}
        {word === null ? null : (
          <h1 class="top-word">
            <Icon name={word.icon} />
            {word.word.toUpperCase()}
          </h1>
        )}
        {narrow ? null : <Name run={run} />}
        {run === null ? null : <Counts run={run} shares={shares} narrow={narrow} />}
        {run === null || run.word === 'waiting' ? null : <Time run={run} narrow={narrow} />}
        {narrow ? null : <Right run={run} narrow={false} />}
        <Progress shares={shares} />
      </div>
      {narrow ? (
        <div class="top-facts">
          <Name run={run} />
          <Right run={run} narrow />
        </div>
      ) : null}
    </header>
  );
}

function Name({ run }: { run: Head | null }) {
  if (run === null) {
    return (
      <div class="top-name">
        <strong>
          <Text of={runIdOfPage()} />
        </strong>
      </div>
    );
  }
  const { meta, runId } = run;
  const facts = [meta.branch, meta.commit?.slice(0, 7), meta.author].filter(
    (fact) => fact !== undefined && fact !== '',
  );
  return (
    <div class="top-name">
      <span class="top-run" title={meta.title === undefined ? runId : undefined}>
        <strong>
          <Text of={meta.project ?? runId} />
        </strong>
        {meta.number === undefined ? null : (
          <CiLink url={meta.ciUrl} otherwise={<span class="dim">#{meta.number}</span>}>
            #{meta.number}
          </CiLink>
        )}
        {meta.title === undefined ? null : <Text of={meta.title} class="top-title dim" />}
      </span>
      <span class="top-about dim">
        {facts.length === 0 ? (
          <span class="cut">
            {run.word === 'waiting' ? 'nothing posted yet' : meta.project === undefined ? '' : runId}
          </span>
        ) : (
          <Text of={facts.join(' · ')} />
        )}
        {meta.number === undefined ? <CiLink url={meta.ciUrl}>CI job</CiLink> : null}
      </span>
    </div>
  );
}

function runIdOfPage(): string {
  try {
    return decodeURIComponent(location.pathname.split('/')[2] ?? '');
  } catch {
    return location.pathname;
  }
}

interface CiLinkProps {
  url: string | undefined;
  children: ComponentChildren;
  /** What stands there without a link. */
  otherwise?: ComponentChildren;
}

/** The job that runs the tests: a link only if it is one to the web. */
function CiLink({ url, children, otherwise = null }: CiLinkProps) {
  if (url === undefined || !/^https?:\/\//iu.test(url) || !URL.canParse(url)) return <>{otherwise}</>;
  return (
    <a class="top-ci dim" href={url} target="_blank" rel="noopener noreferrer" title={`CI job at ${new URL(url).host}`}>
      {children}
    </a>
  );
}

function Counts({ run, shares, narrow }: { run: Head; shares: readonly Share[]; narrow: boolean }) {
  if (shares.length === 0) return null;
  const shown = narrow ? shares.filter((share) => NARROW_SHARES.has(share.of)) : shares;
  return (
    <ul class="top-counts" aria-label="Tests">
      {shown.map(({ of, number, word }) => (
        <li key={of} class="top-count" data-tone={LOOKS[of].tone} title={plural(number, word, word)}>
          <StatusIcon of={of} silent />
          <strong>{count(number)}</strong>
          <span class={narrow ? 'hidden-text' : 'top-count-word'}>{word}</span>
        </li>
      ))}
      {narrow && run.total > 0 ? <li class="top-of dim">of {count(run.total)}</li> : null}
    </ul>
  );
}

function Time({ run, narrow }: { run: Head; narrow: boolean }) {
  void clock.value;
  const elapsed = elapsedOf(run, serverNow());
  if (elapsed === null) return null;
  const time = <strong class="top-elapsed">{clockTime(elapsed)}</strong>;
  if (narrow) return <div class="top-time">{time}</div>;
  return (
    <div class="top-time">
      {run.over ? <span class="top-took">took</span> : null}
      {time}
      {run.over || !moment.value.live ? null : <span class="top-left">{leftOf(run)}</span>}
    </div>
  );
}

function leftOf({ ticking, word, leftMs }: Head): string {
  if (!ticking) return 'clock stopped while it waits';
  return word === 'needs_you' ? 'waits for an answer' : leftText(leftMs);
}

/** Milliseconds in which a connection usually stands: nothing is said about it before. */
export const SOON_MS = 400;

/** Whether some time has passed since this was drawn first. */
export function useLater(ms: number): boolean {
  const [later, setLater] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLater(true), ms);
    return () => clearTimeout(timer);
  }, []);
  return later;
}

function Right({ run, narrow }: { run: Head | null; narrow: boolean }) {
  void clock.value;
  const later = useLater(SOON_MS);
  const link = connection.value;
  const live = liveOf(run, link, moment.value, serverNow());
  const text = narrow ? (live.short ?? live.text) : live.text;
  // who looks at it is one of them, also where the server has not counted yet
  const viewers = run?.viewers == null ? null : Math.max(run.viewers, live.dot === 'off' ? 0 : 1);
  return (
    <div class="top-right">
      {done.value !== '' ? (
        <span class="top-live">
          <Icon name="passed" size={14} />
          <strong>{done.value}</strong>
        </span>
      ) : later || live.dot !== 'off' || run !== null ? (
        <span class="top-live" data-dot={live.dot}>
          <span class="top-dot" aria-hidden="true" />
          <strong>{live.strong}</strong>
          {text === '' ? null : <span class="top-behind">{text}</span>}
        </span>
      ) : null}
      {viewers === null || viewers === 0 ? null : (
        <span class="top-viewers" title={`${plural(viewers, 'viewer')} now`}>
          <Icon name="eye" size={14} />
          {count(viewers)}
          <span class="hidden-text"> watch</span>
        </span>
      )}
      {run?.over ? <ExportButton /> : null}
      {mayShare.value ? <ShareDialogButton /> : !isNamed.value || mayList.value ? <ShareButton /> : null}
      <Button
        kind="quiet"
        icon="more"
        label="Keys and settings"
        expanded={listOpen.value}
        onClick={() => (listOpen.value = !listOpen.value)}
      />
    </div>
  );
}

function Progress({ shares }: { shares: readonly Share[] }) {
  return (
    <div class="top-progress" role="img" aria-label={progressText(shares)}>
      {shares.map(({ of, number }) => (
        <span key={of} class="top-share" data-of={of} style={{ flexGrow: number }} />
      ))}
    </div>
  );
}
