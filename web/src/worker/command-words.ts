/** Commands, questions and what became of them, in words: `Ada paused the run`. */
import { type Members, membersOf, type RunEvent, textOf } from './read.js';

/** Who gave a command, by the name that others know. */
export function nameOf(by: unknown): string {
  const { name, subject } = membersOf(by);
  return textOf(name) ?? textOf(subject) ?? 'somebody';
}

const SAYS: Record<string, (event: RunEvent, who: string) => string> = {
  pause_requested: (event, who) => `${who} paused ${scope(event)}`,
  resume_requested: (event, who) => `${who} resumed ${scope(event)}`,
  cancel_requested: (event, who) => `${who} cancelled ${scope(event)}${because(event['reason'])}`,
  hold_requested: (event, who) =>
    event['when'] === 'never' ? `${who} lets failing tests end` : `${who} holds failing tests open`,
  instructions_updated: (event, who) => `${who} gave instructions${because(event['instructions'])}`,
  step_requested: (_, who) => `${who} asked for the next action`,
  run_to_requested: (event, who) => `${who} lets it run to ${textOf(event['location']) ?? 'a line'}`,
  action_queued: (event, who) => `${who} does by hand: ${action(membersOf(event['action']))}`,
  step_override_queued: (event, who) =>
    `${who} overrides the step: ${textOf(membersOf(event['action'])['type']) ?? 'another end'}`,
  replay_step_requested: (_, who) => `${who} repeats a step`,
  command_withdrawn: (_, who) => `${who} took a command back`,
  ask_answered: (event, who) => `${who} ${answer(event)}`,
  ask_extended: (_, who) => `${who} gave the question more time`,
  control_taken: (event, who) => (event['steal'] === true ? `${who} took control away` : `${who} took control`),
  control_released: (event, who) =>
    event['by'] == null ? `Control has ended${because(event['reason'])}` : `${who} gave control back`,
  control_reset: () => 'The store lost its last writes: control is free again',
  command_expired: () => 'Nobody obeyed a command in its time',
};

/** Types of events that people or the server command by. */
export const COMMAND_TYPES: ReadonlySet<string> = new Set(Object.keys(SAYS));

/** A command in words. */
export function commandWords(event: RunEvent): string {
  return SAYS[event.type]?.(event, nameOf(event['by'])) ?? event.type;
}

/** How a question ended that nobody answered. */
export function expiredWords(event: RunEvent): string {
  const action = textOf(event['action']);
  const then: Record<string, string> = {
    skip: ': the step is skipped',
    fail: ': the test fails',
    continue: ': it goes on',
    wait: ': it waits',
  };
  return `Nobody answered in time${action === null ? '' : (then[action] ?? '')}`;
}

/** What became of a command, if it is worth a line. */
export function reportWords(event: RunEvent): string | null {
  const status = textOf(event['status']);
  if (status !== 'failed' && status !== 'rejected' && status !== 'interrupted') return null;
  return `A command was ${status === 'failed' ? 'not carried out' : status}${because(event['detail'])}`;
}

function scope(event: RunEvent): string {
  if (typeof event['testId'] === 'string') return 'a test';
  const target = membersOf(event['target']);
  if (target['testId'] !== undefined) return 'a test';
  const slot = membersOf(target['slot']);
  if (typeof slot['slot'] === 'number') return `worker ${slot['slot']}`;
  return target['producer'] === undefined ? 'the run' : 'one producer';
}

function because(reason: unknown): string {
  return typeof reason === 'string' && reason !== '' ? `: ${reason}` : '';
}

function action(what: Members): string {
  const said = textOf(what['description']);
  if (said !== null) return said;
  const value = what['secret'] === true ? '•••' : textOf(what['value']);
  return [textOf(what['action']) ?? 'something', textOf(what['selector']), value]
    .filter((one) => one !== null)
    .join(' ');
}

function answer(event: RunEvent): string {
  if (event['resolution'] === 'cancelled') return 'said that there is no answer';
  if (event['secret'] === true) return 'answered with a secret';
  const { candidateId, value, point } = event;
  if (typeof candidateId === 'string') return `chose ${candidateId}`;
  if (value !== undefined && value !== null)
    return `answered ${typeof value === 'string' ? `“${value}”` : JSON.stringify(value)}`;
  return point === undefined ? 'answered' : 'pointed at the picture';
}
