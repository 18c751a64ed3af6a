/** Whom a command is for. */
import { signal } from '@preact/signals';

import { shown } from '../screen/choice.js';
import { head } from '../store.js';
import { living } from './offers.js';

export type CommandTarget = { producer: string } | { testId: string } | { slot: { producer: string; slot: number } };

/** Whether the whole run is meant, or the worker on screen alone. It can be chosen where several producers have joined. */
export const aim = signal<'run' | 'worker'>('run');

/** Whether there is more than one producer to choose from. */
export function severalProducers(): boolean {
  return living(head.value?.producers ?? []).length > 1;
}

/** The producer that is meant; null: all. */
export function aimed(): string | null {
  return aim.value === 'worker' && severalProducers() ? (shown.value?.producer ?? null) : null;
}

/** The target of a wish: pause, resume, hold, instructions. */
export function targetOfWish(): CommandTarget | null {
  const producer = aimed();
  return producer === null ? null : { producer };
}

/** The target of an act, which exactly one producer does: of several it is the one on screen. */
export function targetOfAct(): CommandTarget | null {
  if (!severalProducers()) return null;
  const producer = shown.value?.producer;
  return producer === undefined ? null : { producer };
}
