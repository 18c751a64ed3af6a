/** What one gives to others: the link to what one sees, the command that runs failed tests again, the run as a file. */
import { useEffect, useState } from 'preact/hooks';

import { CopyButton } from '../../ui/copy.js';
import { bytes, count, plain, plural, timeOfDay } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { withMarks } from '../../ui/marks.js';
import { isNamed } from '../../ui/rights.js';
import { oneLine } from '../../ui/text.js';
import { place, urlOf } from '../place.js';
import { detail, head, moment, testOf, tests, testsVersion } from '../store.js';
import { isLoopback, partsOf, placeWith, type Part } from './link.js';
import { Popover } from './popover.js';
import { rerunFailed } from './rerun.js';
import { YourName } from './your-name.js';

/** Opens a box with the link to what one sees. */
export function ShareButton() {
  return (
    <Popover icon="link" words={isNamed.value ? 'Link' : 'Share'} label="Share this run">
      {() => (
        <>
          <LinkHere title="Link to what you see" />
          <RerunFailed />
          {isNamed.value ? null : <YourName />}
        </>
      )}
    </Popover>
  );
}

/** The link to what one sees, with as much of it as one wants. */
export function LinkHere({ title }: { title: string }) {
  const here = place.value;
  const parts = partsOf(here);
  const [left, setLeft] = useState<ReadonlySet<Part>>(new Set());
  const chosen = new Set(parts.filter((part) => !left.has(part)));
  const url = location.origin + urlOf(placeWith(here, chosen));
  const toggle = (part: Part) => {
    const next = new Set(left);
    if (!next.delete(part)) next.add(part);
    setLeft(next);
  };
  return (
    <>
      <h2 class="share-title">{title}</h2>
      <div class="share-link">
        <input
          type="text"
          class="mono"
          aria-label="Link"
          readOnly
          value={url}
          data-first
          onFocus={(event) => event.currentTarget.select()}
        />
        <CopyButton text={url} label="Copy the link">
          Copy
        </CopyButton>
      </div>
      {parts.length === 0 ? (
        <p class="share-hint">It leads to the run, as it is when somebody opens it.</p>
      ) : (
        <fieldset class="share-parts">
          <legend class="hidden-text">The link leads to</legend>
          {parts.map((part) => (
            <label key={part}>
              <input
                type="checkbox"
                checked={chosen.has(part)}
                disabled={part === 'step' && !chosen.has('test')}
                onChange={() => toggle(part)}
              />
              <bdi>{wordsOf(part)}</bdi>
            </label>
          ))}
        </fieldset>
      )}
      {isLoopback(location.hostname) ? (
        <p class="share-hint">
          <Icon name="lost" size={14} /> It opens on this machine only: the page came from {location.hostname}. For
          others, open the page by the name that the machine has in your network.
        </p>
      ) : null}
    </>
  );
}

function wordsOf(part: Part): string {
  const here = place.value;
  if (part === 'test') return `Test: ${oneLine(testOf(here.test)?.path.join(' › ') ?? String(here.test), 80)}`;
  if (part === 'step') {
    const steps = detail.value?.key === here.test ? [...detail.value.steps.values()] : [];
    const step = steps.find(({ id }) => id === here.step);
    return `Step: ${oneLine(step?.title ?? String(here.step), 80)}`;
  }
  if (part === 'line') return `Line of the log, event ${count(here.line?.seq ?? 0)}`;
  if (part === 'words') return `Search for “${oneLine(here.words, 60)}”`;
  const { at } = moment.value;
  const event = `event ${count(here.at ?? 0)}`;
  return at === null ? `Moment: ${event}` : `Moment: ${timeOfDay(at, true)}, ${event}`;
}

/** The command that runs all failed tests again, to copy; nothing as long as none has failed. */
export function RerunFailed() {
  void testsVersion.value;
  const again = rerunFailed(tests.values());
  if (again === null) return null;
  const title = again.isCommand
    ? `Run the ${again.tests === 1 ? 'failed test' : plural(again.tests, 'failed test')} again`
    : `The ${again.tests === 1 ? 'failed test' : plural(again.tests, 'failed test')}`;
  return (
    <section class="share-rerun">
      <h2 class="share-title">{title}</h2>
      <div class="share-code">
        <pre class="mono" tabIndex={0}>
          {plain(withMarks(again.text))}
        </pre>
        <CopyButton text={again.text} label={again.isCommand ? 'Copy the command' : 'Copy the list'} kind="quiet" />
      </div>
      {again.also === null ? null : <p class="share-hint">{again.also}</p>}
    </section>
  );
}

const FORMATS = [
  { format: 'html', name: 'HTML', says: 'One file to read and to keep, without a server' },
  { format: 'junit', name: 'JUnit', says: 'The results as XML, for other tools' },
  { format: 'zip', name: 'ZIP', says: 'Events and artifacts, to publish again elsewhere' },
] as const;

/** Opens a menu with the run as a file. */
export function ExportButton() {
  return (
    <Popover icon="download" words="Export" label="Export this run">
      {(close) => <Export close={close} />}
    </Popover>
  );
}

type Offer = { size: number | null } | 'refused' | 'asking';

function Export({ close }: { close: () => void }) {
  const runId = head.value?.runId ?? '';
  const [offers, setOffers] = useState<Record<string, Offer>>({});
  useEffect(() => {
    const end = new AbortController();
    for (const { format } of FORMATS) {
      fetch(urlFor(runId, format), { method: 'HEAD', signal: end.signal }).then(
        (answer) => {
          const size = Number(answer.headers.get('content-length') ?? 0);
          setOffers((before) => ({ ...before, [format]: answer.ok ? { size: size > 0 ? size : null } : 'refused' }));
        },
        () => setOffers((before) => ({ ...before, [format]: 'refused' })),
      );
    }
    return () => end.abort();
  }, [runId]);
  const offered = FORMATS.filter(({ format }) => typeof offers[format] === 'object');
  const answered = FORMATS.every(({ format }) => offers[format] !== undefined);
  if (offered.length === 0)
    return (
      <p class="share-hint">
        {answered ? 'This server does not export runs.' : 'Asking the server what it can export'}
      </p>
    );
  return (
    <ul class="share-formats">
      {offered.map(({ format, name, says }) => {
        const offer = offers[format];
        return (
          <li key={format}>
            <a href={urlFor(runId, format)} download onClick={close}>
              <Icon name="download" size={14} />
              <span>
                <strong>{name}</strong>
                <span class="dim">{says}</span>
              </span>
              {typeof offer === 'object' && offer.size !== null ? <span class="dim">{bytes(offer.size)}</span> : null}
            </a>
          </li>
        );
      })}
    </ul>
  );
}

function urlFor(runId: string, format: string): string {
  return `/api/runs/${encodeURIComponent(runId)}/export?format=${format}`;
}
