/** What can be done with the run now, and why not. Pure. */
import type { Head, Producer } from '../../model.js';

/** Why nothing is offered to whoever may only watch. */
export const WATCH_ONLY = 'You may watch this run, not steer it.';

/** Whether something is offered; if not, why. */
export interface Offer {
  on: boolean;
  why: string | null;
}

/** What decides. */
export interface Situation {
  head: Pick<Head, 'over' | 'steerable' | 'producers' | 'paused' | 'commands' | 'slots'> | null;
  live: boolean;
  /** Whether one may steer the run. */
  may: boolean;
  connection: string | null;
  /** The producer that is meant; null: all of the run. */
  producer: string | null;
}

export interface Offers {
  /** Why nothing at all can be done; null: something can. */
  nothing: string | null;
  pause: Offer;
  resume: Offer;
  step: Offer;
  runTo: Offer;
  hold: Offer;
  instructions: Offer;
  hand: Offer;
  cancel: Offer;
  cancelTest: Offer;
  control: Offer;
}

const YES: Offer = { on: true, why: null };
const no = (why: string): Offer => ({ on: false, why });

/** Producers that are there. */
export function living(producers: readonly Producer[]): Producer[] {
  return producers.filter(({ state }) => state === 'joined' || state === 'silent');
}

/** Whether one of them obeys such a command. */
export function obeyed(producers: readonly Producer[], type: string, producer: string | null = null): boolean {
  return living(producers).some(
    (one) => (producer === null || one.producer === producer) && (one.can == null || one.can.includes(type)),
  );
}

/** How the run, or the producer that is meant, stands. */
export type Pausing = 'running' | 'pausing' | 'paused' | 'resuming';

/** Whether it runs, is about to pause, or holds. */
export function pausingOf(head: Situation['head'], producer: string | null): Pausing {
  if (head === null) return 'running';
  const isFor = (target: string | null | undefined) => target == null || target === producer;
  const words = head.commands.filter(({ type, target }) => (type === 'pause' || type === 'resume') && isFor(target));
  const last = words.reduce<(typeof words)[number] | null>(
    (best, one) => (best === null || one.seq > best.seq ? one : best),
    null,
  );
  const waits = last !== null && (last.state === 'queued' || last.state === 'accepted');
  const slots = head.slots.filter((slot) => slot.running && (producer === null || slot.producer === producer));
  const held = slots.length > 0 && slots.every(({ paused }) => paused);
  if (last?.type === 'resume') return waits && held ? 'resuming' : 'running';
  if (head.paused === null) return 'running';
  if (last === null) return held ? 'paused' : 'running';
  return waits && !(producer !== null && held) ? 'pausing' : 'paused';
}

/** What is offered. */
export function offersOf({ head, live, may, connection, producer }: Situation): Offers {
  const nothing = may ? nothingWhy(head, live, connection) : WATCH_ONLY;
  if (nothing !== null || head === null) {
    const off = no(nothing ?? '');
    const all = {
      pause: off,
      resume: off,
      step: off,
      runTo: off,
      hold: off,
      instructions: off,
      hand: off,
      cancel: off,
      cancelTest: off,
      control: off,
    };
    return { nothing, ...all };
  }
  const pausing = pausingOf(head, producer);
  const can = (type: string, words: string) =>
    obeyed(head.producers, type, producer) || head.producers.length === 0 ? YES : no(words);
  const whilePaused = (type: string, words: string) =>
    pausing === 'paused' ? can(type, words) : no('Only while the run is paused.');
  return {
    nothing: null,
    pause:
      pausing === 'running' || pausing === 'resuming'
        ? can('pause', 'The workers of this run do not pause.')
        : no('It is paused already.'),
    resume: head.paused === null ? no('It is not paused.') : can('resume', 'The workers of this run do not resume.'),
    step: whilePaused('step', 'The workers of this run do not go step by step.'),
    runTo: whilePaused('run_to', 'The workers of this run do not run to a line.'),
    hold: can('hold', 'The workers of this run do not hold failing tests open.'),
    instructions: can('update_instructions', 'The workers of this run take no instructions.'),
    hand: whilePaused('manual_action', 'The workers of this run take no actions by hand.'),
    cancel: YES,
    cancelTest: can('cancel', 'The workers of this run do not end single tests.'),
    control: YES,
  };
}

function nothingWhy(head: Situation['head'], live: boolean, connection: string | null): string | null {
  if (head === null) return 'The run is not known yet.';
  if (!live) return 'Go live to steer.';
  if (head.over) return 'The run has ended.';
  if (connection === 'closed') return 'There is no connection to the server.';
  return head.steerable ? null : 'No worker of this run takes commands.';
}
