/** What the page says when it can't show the run as it is now, and when there is no run yet. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import type { Notice } from '../../model.js';
import { say } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { Icon } from '../../ui/icons.js';
import { SignIn } from '../../ui/sign-in.js';
import { goLive } from '../moment.js';
import { go } from '../place.js';
import { mayControl, mayList, shareLink } from '../rights.js';
import { clock, connection, head, moment, notices, serverNow } from '../store.js';
import { width } from '../width.js';
import { tell } from '../worker.js';
import { bannersOf, type Act, type Banner } from './banner.js';

export { Empty } from './empty.js';

/** Notices that were put away. */
const away = signal<ReadonlySet<Notice>>(new Set());
/** Whether it was put away that one has come by a share link. */
const isGuestTold = signal(false);
/** How long it is said that events came meanwhile, in milliseconds. */
const MISSED_MS = 10_000;
/** Banners that are shown at once. */
const MOST = 2;

const ACTS: Record<Act, string> = {
  retry: 'Try now',
  live: 'Back to live',
  answer: 'Answer',
  reload: 'Load again',
  runs: 'All runs',
  dismiss: 'OK',
};

/** The sentences above the panes, when there are any. */
export function Banners({ asksElsewhere = false }: { asksElsewhere?: boolean }) {
  void clock.value;
  const shown = notices.value.filter((notice) => !away.value.has(notice));
  useEffect(() => {
    const missed = shown.filter(({ kind }) => kind === 'missed');
    if (missed.length === 0) return;
    const timer = setTimeout(() => putAway(missed), MISSED_MS);
    return () => clearTimeout(timer);
  }, [shown.length]);
  const told = {
    head: head.value,
    connection: connection.value,
    moment: moment.value,
    notices: shown,
    now: serverNow(),
    online: navigator.onLine,
    asksElsewhere,
    guest: isGuestTold.value ? null : shareLink.value,
  };
  const banners = bannersOf(told);
  const first = banners[0];
  useEffect(() => {
    if (first !== undefined) say(`${first.strong} ${first.id === 'reconnecting' ? '' : first.text}`, 'banner');
  }, [first?.id]);
  return (
    <>
      {banners.slice(0, MOST).map((banner) => (
        <Line key={banner.id} banner={banner} act={(act) => perform(banner, act, shown)} />
      ))}
      {connection.value?.closeCode === 4401 ? <SignIn /> : null}
    </>
  );
}

function Line({ banner, act }: { banner: Banner; act: (act: Act) => void }) {
  return (
    <div class="banner" data-tone={banner.tone} data-id={banner.id.split(' ')[0]}>
      <Icon name={banner.icon} size={14} />
      <p class="banner-text">
        <strong>{banner.strong}</strong> <span>{banner.text}</span>
      </p>
      {banner.acts.filter(isOffered).map((name) => (
        <Button key={name} class="banner-act" onClick={() => act(name)}>
          {wordsOf(name)}
        </Button>
      ))}
    </div>
  );
}

function isOffered(act: Act): boolean {
  return act !== 'runs' || mayList.value;
}

function wordsOf(act: Act): string {
  if (act === 'live' && head.value?.over) return 'Back to the end';
  return act === 'answer' && !mayControl.value ? 'Show' : ACTS[act];
}

function perform({ id }: Banner, act: Act, shown: readonly Notice[]): void {
  if (act === 'retry') tell({ type: 'retry' });
  else if (act === 'live') goLive();
  else if (act === 'answer')
    go({ view: width.peek() === 'narrow' ? 'steer' : 'run', test: head.peek()?.asks[0]?.test ?? null });
  else if (act === 'reload') location.reload();
  else if (act === 'runs') location.assign('/');
  else if (id === 'guest') isGuestTold.value = true;
  else putAway(shown);
}

function putAway(put: readonly Notice[]): void {
  const kept = new Set(notices.peek());
  away.value = new Set([...away.peek(), ...put].filter((notice) => kept.has(notice)));
}
