/** Which question is shown: the one whose time is over first; one that has just ended stays for a while. */
import { computed, effect, signal, type Signal } from '@preact/signals';

import type { Ask, EndedAsk } from '../../model.js';
import { place } from '../place.js';
import { head, moment, serverNow } from '../store.js';
import { draftFor, endOf, inOrder, type Draft } from './answer.js';

/** A question that has ended, as it is shown. */
export interface Closing {
  ask: Ask;
  ended: EndedAsk;
  mine: boolean;
}

/** How long an ended one is shown, in milliseconds: with others waiting, one's own, and somebody else's. */
const STAYS = { queue: 2_500, mine: 4_000, other: 10_000 };

/** The open questions, in the order in which they are asked here. */
export const openAsks = computed(() => inOrder(head.value?.asks ?? []));
/** The one that is asked next: that of the test that is open, else the first. */
const nextAsk = computed<Ask | null>(() => {
  const { test } = place.value;
  return openAsks.value.find((ask) => ask.test !== null && ask.test === test) ?? openAsks.value[0] ?? null;
});
/** The one that has just ended. */
export const closing = signal<Closing | null>(null);
/** The one that is shown; null: none. */
export const current = computed<Ask | null>(() => closing.value?.ask ?? nextAsk.value);
/** Whether a question takes the place of the screen. */
export const askOpen = computed(() => current.value !== null);
/** What one has sent as answers: the commands by their questions. */
export const sent = signal<ReadonlyMap<string, string>>(new Map());

const drafts = new Map<string, Signal<Draft>>();
/** Drafts that are kept. */
const MAX_DRAFTS = 50;

/** What one is about to answer. It stays while the page does, whatever happens to the question. */
export function draftOf(ask: Ask): Signal<Draft> {
  let draft = drafts.get(ask.askId);
  if (draft === undefined) {
    draft = signal(draftFor(ask));
    drafts.set(ask.askId, draft);
    const oldest = drafts.keys().next().value;
    if (drafts.size > MAX_DRAFTS && oldest !== undefined) drafts.delete(oldest);
  }
  return draft;
}

/** Notes that one has answered. */
export function noteSent(askId: string, commandId: string): void {
  sent.value = new Map([...sent.peek()].slice(-MAX_DRAFTS)).set(askId, commandId);
}

let timer: ReturnType<typeof setTimeout> | undefined;

/** Shows the next question, or the run. */
export function dismiss(): void {
  clearTimeout(timer);
  const ask = closing.peek()?.ask;
  closing.value = null;
  if (ask !== undefined) drafts.delete(ask.askId);
}

let before: Ask | null = null;
effect(() => {
  const run = head.value;
  const live = moment.value.live;
  const open = openAsks.value;
  if (run === null || !live) {
    before = null;
    if (!live) closing.value = null;
    return;
  }
  const shownBefore = before;
  if (closing.value === null) before = nextAsk.value;
  if (shownBefore === null || closing.peek() !== null || open.some(({ askId }) => askId === shownBefore.askId)) return;
  const mine = sent.peek().has(shownBefore.askId);
  const ended = endOf(shownBefore, run, serverNow());
  closing.value = { ask: shownBefore, ended, mine };
  const draft = drafts.get(shownBefore.askId)?.peek();
  const keeps = !mine && draft !== undefined && (draft.words.trim() !== '' || draft.point !== null) && !shownBefore.secret;
  if (keeps) return; // what one has written is not taken away
  timer = setTimeout(dismiss, open.length > 0 ? STAYS.queue : mine ? STAYS.mine : STAYS.other);
});
