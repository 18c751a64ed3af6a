/** Whom a command is for. */
import { signal } from '@preact/signals';

import { shown } from '../screen/choice.js';
import { head } from '../store.js';
import { living } from './offers.js';

export type CommandTarget = { producer: string } | { testId: string } | { slot: { producer: string; slot: number } };

/** Whether the whole run is meant, or the worker on screen alone, where several producers have joined. */
export const aim = signal<'run' | 'worker'>('run');

/** Whether there is more than one producer to choose from. */
export function severalProducers(): boolean {
  return living(head.value?.producers ?? []).length > 1;
}

/** The producer of the worker on screen, if it has joined. */
function onScreen(): string | null {
  const producer = shown.value?.producer;
  return living(head.value?.producers ?? []).some((one) => one.producer === producer) ? (producer ?? null) : null;
}

/** The producer that is meant; null: all. */
export function aimed(): string | null {
  return aim.value === 'worker' && severalProducers() ? onScreen() : null;
}

/** The target of a wish: pause, resume, hold, instructions. */
export function targetOfWish(): CommandTarget | null {
  const producer = aimed();
  return producer === null ? null : { producer };
}

/** The target of an act, which exactly one producer does: of several it is the one on screen. */
export function targetOfAct(): CommandTarget | null {
  if (!severalProducers()) return null;
  const producer = onScreen();
  return producer === null ? null : { producer };
}
