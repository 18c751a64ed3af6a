/** Notifications of the browser, for whoever wants them: a run needs somebody, or has ended, and nobody looks. */
import { signal } from '@preact/signals';

import { say } from '../ui/announce.js';
import { Button } from '../ui/button.js';
import { keep, setting } from '../ui/who.js';
import { newsOf } from './news.js';
import type { RunRow } from './rows.js';

const possible = 'Notification' in globalThis && isSecureContext;
const allowed = signal<NotificationPermission>(possible ? Notification.permission : 'denied');
const wanted = signal(setting('runcast-notify') === 'on');

async function toggle(): Promise<void> {
  const on = !(wanted.value && allowed.value === 'granted');
  if (on && allowed.value === 'default') allowed.value = await Notification.requestPermission();
  wanted.value = on && allowed.value === 'granted';
  keep('runcast-notify', wanted.value ? 'on' : 'off');
  say(wanted.value ? 'Notifications are on' : 'Notifications are off');
}

/** Tells of a run that has changed, if nobody looks and somebody wants it. */
export function notify(before: RunRow | undefined, after: RunRow): void {
  if (!document.hidden || !wanted.peek() || allowed.peek() !== 'granted') return;
  const news = newsOf(before, after);
  if (news === null) return;
  try {
    const shown = new Notification(news.title, { body: news.body, tag: news.tag });
    shown.onclick = () => {
      window.focus();
      shown.close();
      location.href = `/runs/${encodeURIComponent(after.runId)}`;
    };
  } catch {
    wanted.value = false; // this browser has them for workers of services alone
  }
}

export function Bell() {
  const on = wanted.value && allowed.value === 'granted';
  const why = !possible
    ? 'This browser notifies only on pages that came over https'
    : allowed.value === 'denied'
      ? 'The browser was told not to notify for this page'
      : null;
  const label = why ?? (on ? 'Notifications are on: turn them off' : 'Notify me when a run needs somebody or ends');
  return <Button icon="bell" kind="quiet" pressed={on} disabled={why !== null} label={label} onClick={() => void toggle()} />;
}
