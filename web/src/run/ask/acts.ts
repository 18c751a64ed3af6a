/** What can be done with a question. */
import type { Signal } from '@preact/signals';

import type { Ask } from '../../model.js';
import { give, isMine, type Given } from '../control/give.js';
import { byHand } from '../control/hand.js';
import { obeyed, type Offer, WATCH_ONLY } from '../control/offers.js';
import { mayControl } from '../rights.js';
import { head, moment, serverNow } from '../store.js';
import { answerOf, moreSecs, type Draft } from './answer.js';
import { noteRefused, noteSent } from './state.js';

/** What is offered besides an answer. */
export function whatIsOffered(ask: Ask): { nothing: string | null; hand: Offer; override: Offer } {
  const run = head.value;
  const nothing =
    run === null
      ? ''
      : !mayControl.value
        ? WATCH_ONLY
        : !moment.value.live
          ? 'You look at the past. Go live to answer.'
          : run.over
            ? 'The run has ended.'
            : null;
  const can = (type: string, why: string): Offer => {
    if (nothing !== null) return { on: false, why: nothing };
    return obeyed(run?.producers ?? [], type, ask.producer) ? { on: true, why: null } : { on: false, why };
  };
  return {
    nothing,
    hand: can('manual_action', 'This worker takes no actions by hand.'),
    override: can('step_override', 'This worker does not skip or fail steps.'),
  };
}

async function answer(ask: Ask, members: Record<string, unknown>): Promise<boolean> {
  const expect = { askId: ask.askId, ...(ask.producer !== '-' && { target: { producer: ask.producer } }) };
  noteSent(ask.askId, null);
  const given = await give('ask', { type: 'answer', askId: ask.askId, ...members } as Given, { expect });
  if (given === null) {
    noteRefused(ask.askId);
    return false;
  }
  noteSent(ask.askId, given.commandId);
  byHand.value = false;
  return true;
}

/** Sends what was chosen or written. */
export async function sendAnswer(ask: Ask, draft: Signal<Draft>): Promise<void> {
  const chosen = answerOf(ask, draft.peek());
  if (chosen === null) return;
  await answer(ask, chosen.members);
}

/** It was done by hand. */
export async function resolved(ask: Ask): Promise<void> {
  await answer(ask, { resolution: 'resolved' });
}

/** Nobody is going to answer: the worker decides. */
export async function doNotAnswer(ask: Ask): Promise<void> {
  await answer(ask, { resolution: 'cancelled' });
}

/** Skips the step, or has the test fail, and ends the waiting. */
export async function endTest(ask: Ask, type: 'skip' | 'fail'): Promise<void> {
  const given = await give('ask', { type: 'step_override', action: { type } }, { target: { producer: ask.producer } });
  if (given !== null) await answer(ask, { resolution: 'cancelled' });
}

/** Five minutes more. */
export async function moreTime(ask: Ask): Promise<void> {
  await give('ask', { type: 'extend', askId: ask.askId, secs: moreSecs(ask, serverNow()) });
}

/** Takes control, and clicks in the picture are clicks in the browser; or leaves it again. */
export async function takeOver(ask: Ask): Promise<void> {
  if (byHand.peek()) {
    byHand.value = false;
    return;
  }
  void ask;
  if (isMine() || (await give('ask', { type: 'take_control' }, { named: true })) !== null) byHand.value = true;
}
