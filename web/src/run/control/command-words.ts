/** Commands, and how far they have come, in words. Pure. */
import type { Command } from '../../model.js';
import type { Tone } from '../../ui/status.js';

const NAMES: Record<string, string> = {
  pause: 'Pause',
  resume: 'Resume',
  cancel: 'Cancel',
  hold: 'Hold on failure',
  update_instructions: 'Instructions',
  step: 'Next action',
  run_to: 'Run to line',
  manual_action: 'By hand',
  step_override: 'Change a step',
  replay_step: 'Repeat a step',
  answer: 'Answer',
  extend: 'More time',
  withdraw: 'Withdraw',
  take_control: 'Take control',
  release_control: 'Give back control',
};

/** What a command wants: its name, and what it says. */
export function wishOf({ type, event }: Pick<Command, 'type' | 'event'>): { name: string; says: string | null } {
  const name = NAMES[type] ?? type;
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null);
  const action = (event?.['action'] ?? {}) as Record<string, unknown>;
  const point = action['point'] as { x?: number; y?: number } | undefined;
  switch (type) {
    case 'manual_action':
      return { name, says: [text(action['action']), text(action['selector']), point && `${point.x}, ${point.y}`, text(action['value'])].filter(Boolean).join(' ') || null };
    case 'step_override':
      return { name, says: text(action['type']) };
    case 'update_instructions':
      return { name, says: text(event?.['instructions']) };
    case 'run_to':
      return { name, says: text(event?.['location']) };
    case 'hold':
      return { name, says: event?.['when'] === 'never' ? 'off' : null };
    case 'cancel':
      return { name: event?.['testId'] == null ? name : 'Cancel a test', says: text(event?.['reason']) };
    default:
      return { name, says: null };
  }
}

/** The ways of a command: what was passed, and what is to come. */
export const WAY = ['queued', 'accepted', 'done'] as const;

const ENDS: Record<string, { word: string; tone: Tone }> = {
  sending: { word: 'sending', tone: 'dim' },
  queued: { word: 'queued', tone: 'dim' },
  accepted: { word: 'accepted', tone: 'run' },
  done: { word: 'done', tone: 'pass' },
  failed: { word: 'failed', tone: 'fail' },
  rejected: { word: 'rejected', tone: 'fail' },
  expired: { word: 'expired', tone: 'pause' },
  withdrawn: { word: 'withdrawn', tone: 'dim' },
  superseded: { word: 'superseded', tone: 'dim' },
  interrupted: { word: 'interrupted', tone: 'pause' },
};

/** How a command stands. */
export function standOf(state: string): { word: string; tone: Tone } {
  return ENDS[state] ?? { word: state, tone: 'dim' };
}

/** Whether anything may become of it yet. */
export function isOpen(state: string): boolean {
  return state === 'queued' || state === 'accepted';
}

/** Open ones first, then the newest: as many as are shown. */
export function listed(commands: readonly Command[], max: number): Command[] {
  const order = (one: Command, other: Command) => Number(isOpen(other.state)) - Number(isOpen(one.state)) || other.seq - one.seq;
  return [...commands].sort(order).slice(0, max);
}
