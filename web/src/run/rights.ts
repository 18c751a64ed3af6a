/** What one may do with the run of this page. */
import { computed, effect } from '@preact/signals';

import { grantFor, isNamed, may, readRights, rights } from '../ui/rights.js';
import { who } from '../ui/who.js';
import { connection } from './store.js';
import { tell } from './worker.js';

/** The id of the run, as the address has it. */
export const runId = decodeURIComponent(location.pathname.slice('/runs/'.length));

/** Whether one may watch it. */
export const mayView = computed(() => may('view', runId));

/** Whether one may steer it. */
export const mayControl = computed(() => may('control', runId));

/**
 * Whether one may make links for others: whoever has come by one may not. It needs `control`, as the server has it: a link
 * lets somebody in whom nobody gave rights, and it can hand on steering.
 */
export const mayShare = computed(() => isNamed.value && grantFor('control', runId)?.isGuest === false);

/** Whether one may see the list of runs, but for those of share links. */
export const mayList = computed(() => {
  const known = rights.value;
  return !Array.isArray(known) || known.some(({ isGuest, scopes }) => !isGuest && scopes.includes('view'));
});

/** The share link by which one watches the run; null: one has rights of one's own. */
export const shareLink = computed(() => {
  const grant = grantFor('view', runId);
  return grant?.isGuest === true ? grant : null;
});

/** One's name to others; empty: none. */
export function myName(): string {
  return grantFor('control', runId)?.name ?? who.name.peek();
}

/** Who one is in the run's log. */
export function mySubject(): string {
  return grantFor('control', runId)?.subject ?? who.name.value;
}

/** The server has refused something: one's rights may be others than was known. */
export function noteRefusal(code: string): void {
  if (/^(?:insufficient_scope|unauthenticated|credential_)/.test(code)) void readRights();
}

/** Closed for want of rights: signed out, or not allowed. */
const REFUSED = [4401, 4403];

/** Asks what one may do, and again when that may have changed. */
export function followRights(): void {
  void readRights();
  let before: string | null = null;
  effect(() => {
    const { status, closeCode } = connection.value ?? { status: 'connecting', closeCode: null };
    const now = `${status} ${closeCode}`;
    if (now === before) return;
    before = now;
    const known = rights.peek();
    const isUnknown = known === null || (Array.isArray(known) && known.length === 0);
    if (REFUSED.includes(closeCode ?? 0) || (status === 'live' && isUnknown)) void readRights();
  });
  // The server knows who steers where it knows who asks: control that is that one's is one's own.
  effect(() => {
    const subject = grantFor('control', runId)?.subject;
    if (subject !== undefined) tell({ type: 'me', subject });
  });
}
