/** The dialog in which one makes links for people without a key, and takes them back. */
import { useEffect, useRef, useState } from 'preact/hooks';

import { say } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { CopyButton } from '../../ui/copy.js';
import { dateText } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { Segments } from '../../ui/segments.js';
import { LinkHere, RerunFailed } from './index.js';
import { listed } from './listed.js';
import { Links } from './links.js';
import { listShares, makeShare, MOST_DAYS, type ShareLink } from './shares.js';

/** Days that a link is good for, if nobody says otherwise. */
const DAYS = 7;

/** Opens the dialog. */
export function ShareDialogButton() {
  const [open, setOpen] = useState(false);
  return (
    <div class="share">
      <button type="button" class="button" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <Icon name="link" size={14} />
        <span class="share-words">Share</span>
      </button>
      {open ? <ShareDialog close={() => setOpen(false)} /> : null}
    </div>
  );
}

function ShareDialog({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [links, setLinks] = useState<readonly ShareLink[] | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  /** Those that were taken back while the list was on its way. */
  const revoked = useRef(new Set<string>());
  /** Whether a press began on the backdrop, and not within. */
  const isOutside = useRef(false);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    listShares().then(
      (found) => setLinks((made) => listed(made ?? [], found, revoked.current)),
      (error: Error) => setFault(error.message),
    );
    return () => before instanceof HTMLElement && before.isConnected && before.focus();
  }, []);
  const forget = (id: string) => {
    revoked.current.add(id);
    setLinks((known) => known && known.filter((link) => link.id !== id));
  };
  return (
    <dialog
      ref={dialog}
      class="share-dialog"
      aria-labelledby="share-dialog-title"
      onClose={close}
      // the keys of the page rest, but for those of the browser
      onKeyDown={(event) => event.stopPropagation()}
      onPointerDown={(event) => (isOutside.current = event.target === dialog.current)}
      onClick={(event) => isOutside.current && event.target === dialog.current && dialog.current?.close()}
    >
      <div class="share-dialog-inside">
        <header class="share-dialog-head">
          <h2 id="share-dialog-title">Share this run</h2>
          <Button kind="quiet" icon="close" label="Close" onClick={() => dialog.current?.close()} />
        </header>
        <MakeLink made={(link) => setLinks((known) => [link, ...(known ?? [])])} />
        <section class="share-section">
          <h3 class="share-title">Links to this run</h3>
          {fault === null ? null : <p role="alert" class="share-fault">{fault}</p>}
          {links === null ? (
            fault === null ? <p class="dim">Loading…</p> : null
          ) : (
            <Links links={links} revoked={forget} />
          )}
        </section>
        <section class="share-section">
          <LinkHere title="For people who may sign in: the link to what you see" />
        </section>
        <RerunFailed />
      </div>
    </dialog>
  );
}

const RIGHTS = [
  { value: 'view', label: 'Watch' },
  { value: 'control', label: 'Watch and steer' },
] as const;

function MakeLink({ made }: { made: (link: ShareLink) => void }) {
  const [right, setRight] = useState<'view' | 'control'>('view');
  const [days, setDays] = useState(String(DAYS));
  const [name, setName] = useState('');
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const [shown, setShown] = useState<{ url: string; link: ShareLink } | null>(null);
  const isDays = /^\d{1,3}$/.test(days) && Number(days) >= 1 && Number(days) <= MOST_DAYS;
  const make = async () => {
    setBusy(true);
    try {
      const found = await makeShare({ control: right === 'control', days: Number(days), name: name.trim() });
      setShown(found);
      setFault(null);
      setName('');
      say('The link is made');
      made(found.link);
    } catch (error) {
      setFault((error as Error).message);
    }
    setBusy(false);
  };
  return (
    <form
      class="share-make"
      onSubmit={(event) => {
        event.preventDefault();
        if (isDays && !busy) void make();
      }}
    >
      <p class="dim">Whoever has the link needs no key. It leads to this run alone.</p>
      <div class="share-fields">
        <Segments label="What its holder may do" of={RIGHTS} value={right} onChange={setRight} />
        <label class="share-days">
          for{' '}
          <input
            class="field"
            inputMode="numeric"
            aria-label={`Days, 1 to ${MOST_DAYS}`}
            aria-invalid={!isDays}
            value={days}
            onInput={(event) => setDays(event.currentTarget.value.trim())}
          />{' '}
          days
        </label>
      </div>
      <div class="share-fields">
        <input
          class="field share-name"
          aria-label="For whom, to know the link by; may be left out"
          placeholder="For whom (may be left out)"
          maxLength={100}
          autocomplete="off"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <button class="button" disabled={!isDays || busy}>
          {busy ? 'Making…' : 'Make link'}
        </button>
      </div>
      {isDays ? null : <p class="share-fault">Enter 1 to {MOST_DAYS} days.</p>}
      {fault === null ? null : <p role="alert" class="share-fault">{fault}</p>}
      {shown === null ? null : <Made key={shown.link.id} {...shown} />}
    </form>
  );
}

/** The link, which is shown this once. */
function Made({ url, link }: { url: string; link: ShareLink }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const until = link.expiresAt === null ? '' : `, until ${dateText(link.expiresAt)}`;
  return (
    <div class="share-made">
      <div class="share-link">
        <input
          ref={field}
          type="text"
          class="mono"
          aria-label="The new link"
          readOnly
          value={url}
          onFocus={(event) => event.currentTarget.select()}
        />
        <CopyButton text={url} label="Copy the new link">
          Copy
        </CopyButton>
      </div>
      <p class="share-hint">
        It is shown this once{until}. {link.maySteer ? 'Its holder may steer the run.' : 'Its holder may watch the run.'}
      </p>
    </div>
  );
}
