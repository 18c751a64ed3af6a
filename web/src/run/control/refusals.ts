/** Refusals in words. Pure. */

/** What a refusal has. */
export interface Refused {
  code: string;
  detail: string;
  members: Record<string, unknown>;
}

const WORDS: Record<string, string> = {
  run_ended: 'The run has ended.',
  run_gone: 'The run has expired.',
  run_not_found: 'Nothing has been posted to this run yet.',
  nobody_obeys: 'No worker of this run does that.',
  target_needed: 'Several workers have joined: choose one of them first.',
  target_unknown: 'That worker is not there any more.',
  command_claimed: 'A worker does it already.',
  command_expired: 'It was too late.',
  command_unknown: 'The run does not know that command any more.',
  command_conflict: 'Another command has the same id. Try again.',
  command_too_large: 'That is too long: a command has 16 KiB at most.',
  ask_unknown: 'The run has no such question.',
  pause_spent: 'The run has paused for as long as it may altogether.',
  no_signing_key: 'The server has no key to keep secrets under, so it takes none.',
  secrets_unavailable: 'Secrets can’t be kept at the moment. Try again.',
  secret_lost: 'The secret is gone. Send it again.',
  contended: 'Others were faster, again and again. Try again.',
  saturated: 'The server is busy. Try again.',
  room_failed: 'The server has a fault with this run. Try again.',
  journal_unavailable: 'The server’s store is away. Try again.',
  outcome_unknown: 'It may have come through or not: look at the commands.',
  unauthorized: 'You are not signed in.',
  credential_refused: 'The server does not take your token.',
  forbidden: 'You may not steer this run.',
  insufficient_scope: 'You may not steer this run.',
  failed: 'The server could not be reached. Try again.',
};

/** A refusal as one sentence or two. */
export function refusalOf({ code, detail, members }: Refused): string {
  const holder = nameOf(members['holder']);
  switch (code) {
    case 'lease_held':
      return `${holder ?? 'Somebody else'} has control.`;
    case 'lease_lost':
      return holder === null ? 'You do not have control any more.' : `${holder} has taken control.`;
    case 'human_in_control':
      return `${holder ?? 'A person'} is in control, and an agent must not do this meanwhile.`;
    case 'already_answered': {
      const by = nameOf(members['by']);
      if (members['how'] === 'expired') return 'The time for the answer was over.';
      if (members['how'] === 'interrupted') return 'The worker that asked does not wait any more.';
      return by === null ? 'It has been answered.' : `${by} has answered it.`;
    }
    case 'expectation_failed':
      return `The run has moved on${movedOn(members['state'])}.`;
    case 'too_many_commands': {
      const wait = members['retryAfterMs'];
      return typeof wait === 'number'
        ? `Too many commands. Try again in ${Math.max(1, Math.ceil(wait / 1_000))} s.`
        : 'This run has as many commands as it may have.';
    }
    case 'invalid_command': {
      const field = members['field'];
      return typeof field === 'string'
        ? `The server does not take this: ${detail || field}`
        : `The server does not take this: ${detail}`;
    }
    default:
      return WORDS[code] ?? (detail === '' ? `The server refused: ${code}.` : detail);
  }
}

function movedOn(state: unknown): string {
  if (state === null || typeof state !== 'object') return '';
  const { askId, target, status, stepNumber, testId } = state as Record<string, unknown>;
  if (askId === 'answered') return ': the question is answered';
  if (askId === 'expired') return ': the time for the answer is over';
  if (askId !== undefined) return ': the question is not open any more';
  if (target !== undefined) return ': the worker is not there any more';
  if (typeof status === 'string') return `: it is ${status} now`;
  if (stepNumber !== undefined) return ': it is at another step';
  return testId !== undefined ? ': the test does not run any more' : '';
}

function nameOf(person: unknown): string | null {
  const name = (person as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' && name !== '' ? name : null;
}
