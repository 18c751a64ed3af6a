/** What the control of a run does not say and its events do: questions that ended, who asked for control, who holds in a pause. */
import type { EndedAsk, Person } from '../model.js';
import { type Members, membersOf, type RunEvent, seqOf, textOf, timeOf } from './read.js';
import type { RunState } from './state.js';

/** Questions that have ended and are remembered. */
const MAX_ENDED = 20;
/** Characters of a name that are kept. */
const MAX_NAME = 100;

/** Collects it from the events of one state. */
export class Steered {
  #ended: EndedAsk[] = [];
  #wantedBy: { name: string; at: number } | null = null;
  #holds = false;

  /** Types of the events that it is collected from. */
  static readonly TYPES = [
    'ask_answered',
    'ask_expired',
    'ask_reopened',
    'control_wanted',
    'control_taken',
    'control_released',
    'hold_requested',
  ];

  take(event: RunEvent): void {
    switch (event.type) {
      case 'ask_answered':
        this.#end(event, 'answered');
        break;
      case 'ask_expired':
        this.#end(event, event['reason'] === 'interrupted' ? 'interrupted' : 'expired');
        break;
      case 'ask_reopened':
        this.#ended = this.#ended.filter(({ askId }) => askId !== event['askId']);
        break;
      case 'hold_requested':
        this.#holds = event['when'] !== 'never';
        break;
      case 'control_wanted': {
        const name = textOf(event['name']);
        if (name !== null && name !== '')
          this.#wantedBy = { name: name.slice(0, MAX_NAME), at: timeOf(event['timestamp']) ?? 0 };
        break;
      }
      case 'control_taken':
      case 'control_released':
        this.#wantedBy = null;
    }
  }

  get endedAsks(): EndedAsk[] {
    return this.#ended;
  }

  /** Puts what was collected from earlier events in front. */
  follow(before: Steered): void {
    this.#ended = [...before.#ended, ...this.#ended].slice(-MAX_ENDED);
    this.#wantedBy ??= before.#wantedBy;
    this.#holds ||= before.#holds;
  }

  /** Whether failing tests are held open. */
  get holds(): boolean {
    return this.#holds;
  }

  get wantedBy(): { name: string; at: number } | null {
    return this.#wantedBy;
  }

  #end(event: RunEvent, how: EndedAsk['how']): void {
    const askId = textOf(event['askId']);
    if (askId === null) return;
    const at = timeOf(event['at']) ?? timeOf(event['timestamp']) ?? 0;
    const by = event['by'] == null ? null : personOf(membersOf(event['by']));
    this.#ended = [...this.#ended, { askId, how, at, by, commandId: textOf(event['commandId']) }].slice(-MAX_ENDED);
  }
}

function personOf({ subject, name, kind }: Members): Person {
  return { subject: textOf(subject) ?? '', name: textOf(name) ?? '', kind: textOf(kind) ?? '' };
}

/** The producer that a command is for; null: all. */
export function targetOf(command: Members): string | null {
  const target = membersOf(command['target']);
  return textOf(target['producer']) ?? textOf(membersOf(target['slot'])['producer']);
}

/** Whether a producer holds in a pause: it was told to, and has said that it does. */
export function isHeld(state: RunState, producer: string | null): boolean {
  if (state.paused == null) return false;
  let last: Members | null = null;
  for (const command of state.commands ?? []) {
    const target = targetOf(command);
    if (command['type'] !== 'pause' && command['type'] !== 'resume') continue;
    if (target !== null && producer !== null && target !== producer) continue;
    if ((seqOf(command['cursor']) ?? 0) >= (seqOf(last?.['cursor']) ?? 0)) last = command;
  }
  if (last === null) return false;
  const reported = producer === null ? undefined : membersOf(last['producers'])[producer];
  const isDone = reported === 'done' || last['state'] === 'done';
  return last['type'] === 'pause' ? isDone : !isDone;
}
