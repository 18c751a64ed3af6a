/** The kinds of commands, and what becomes of them. */
import type { CommandState } from './view.js';

/** How a command is obeyed: by every producer that it is for, by one that claims it, or by the fold itself at once. */
type Sort = 'state' | 'act' | 'word';

/** The `type` of a command, and how it is obeyed, by the type of its event. */
const KINDS: ReadonlyMap<string, readonly [string, Sort]> = new Map([
  ['pause_requested', ['pause', 'state']],
  ['cancel_requested', ['cancel', 'state']],
  ['resume_requested', ['resume', 'state']],
  ['hold_requested', ['hold', 'state']],
  ['instructions_updated', ['update_instructions', 'state']],
  ['step_requested', ['step', 'act']],
  ['run_to_requested', ['run_to', 'act']],
  ['action_queued', ['manual_action', 'act']],
  ['step_override_queued', ['step_override', 'act']],
  ['replay_step_requested', ['replay_step', 'act']],
  ['ask_answered', ['answer', 'word']],
  ['ask_extended', ['extend', 'word']],
  ['command_withdrawn', ['withdraw', 'word']],
  ['control_taken', ['take_control', 'word']],
  ['control_released', ['release_control', 'word']],
]);

const SORTS = new Map(KINDS.values());

/** Events that are control events and no commands. */
const OTHERS = new Set([
  'control_reset',
  'command_expired',
  'ask_expired',
  'ask_reopened',
  'producer_status',
  'shards_given_up',
  'worker',
  'run_status',
  'ai_stuck',
  'command_status',
]);

/** The kind of command whose event has this type. */
export function kindOf(eventType: string): string | undefined {
  return KINDS.get(eventType)?.[0];
}

export function sortOf(kind: string): Sort {
  return SORTS.get(kind) ?? 'word';
}

/** Whether events of this type are folded. */
export function isControl(eventType: string): boolean {
  return KINDS.has(eventType) || OTHERS.has(eventType);
}

/** Whether the command has ended. */
export function isFinal(state: CommandState): boolean {
  return state !== 'queued' && state !== 'accepted';
}
