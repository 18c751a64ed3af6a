/** Answers to a question, from what somebody chose or wrote. Pure. */
import type { Ask, Candidate, EndedAsk, Head } from '../../model.js';
import { clockTime } from '../../ui/format.js';

/** What somebody is about to answer: what was touched last counts. */
export interface Draft {
  by: 'candidate' | 'words' | 'point' | null;
  candidateId: string | null;
  words: string;
  point: { x: number; y: number } | null;
  /** It was chosen, and not only proposed. */
  touched: boolean;
}

/** The best candidate is proposed. */
export function draftFor(ask: Ask): Draft {
  const best = ask.candidates.reduce<Candidate | null>((top, one) => (top === null || (one.score ?? 0) > (top.score ?? 0) ? one : top), null);
  return { by: best === null ? null : 'candidate', candidateId: best?.id ?? null, words: '', point: null, touched: false };
}

/** Something that can be sent: the members of the command, and how the button names it. */
export interface Answer {
  members: { candidateId: string } | { value: string } | { point: { x: number; y: number } };
  says: string;
}

/** Characters of an answer that the button names. */
const NAMED = 24;

/** The answer that would be sent; null: there is none yet. */
export function answerOf(ask: Ask, draft: Draft): Answer | null {
  if (ask.secret) return draft.words === '' ? null : { members: { value: draft.words }, says: 'Send it as a secret and resume' };
  if (draft.by === 'words') {
    const words = draft.words.trim();
    return words === '' ? null : { members: { value: words }, says: `Send “${shortened(words)}” and resume` };
  }
  if (draft.by === 'point' && draft.point !== null) {
    return { members: { point: draft.point }, says: `Send the place ${draft.point.x}, ${draft.point.y} and resume` };
  }
  const candidate = ask.candidates.find(({ id }) => id === draft.candidateId);
  if (draft.by !== 'candidate' || candidate === undefined) return null;
  return { members: { candidateId: candidate.id }, says: `Send “${shortened(candidate.label)}” and resume` };
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  const letters = [...line];
  return letters.length > NAMED ? `${letters.slice(0, NAMED).join('')}…` : line;
}

/** What happens when nobody answers: words, with what it goes on with in the middle. */
export function atZero(ask: Ask): { before: string; what: string; after: string } {
  const at = ask.candidates.findIndex(({ id }) => id === ask.onTimeoutValue);
  const candidate = ask.candidates[at];
  switch (ask.onTimeout) {
    case 'continue': {
      if (candidate !== undefined) return { before: 'At 0:00 it goes on with ', what: `${at + 1} ${candidate.label}`, after: ', logged as expired.' };
      if (ask.onTimeoutValue !== null) return { before: 'At 0:00 it goes on with ', what: `“${shortened(ask.onTimeoutValue)}”`, after: ', logged as expired.' };
      return { before: 'At 0:00 it goes on without an answer, logged as expired.', what: '', after: '' };
    }
    case 'skip':
      return { before: 'At 0:00 the step is skipped, logged as expired.', what: '', after: '' };
    case 'wait':
      return { before: 'It waits until the run ends.', what: '', after: '' };
    default:
      return { before: 'At 0:00 the test fails, logged as expired.', what: '', after: '' };
  }
}

/** The countdown: words, and what is left of the time as a part of all. */
export function countdown(ask: Pick<Ask, 'at' | 'expiresAt'>, now: number): { text: string; part: number; over: boolean } {
  if (ask.expiresAt === null) return { text: '', part: 1, over: false };
  const left = ask.expiresAt - now;
  const all = Math.max(1, ask.expiresAt - ask.at);
  // counts like a clock that shows 0:00 when the time is over
  return { text: clockTime(Math.ceil(Math.max(0, left) / 1_000) * 1_000), part: Math.min(1, Math.max(0, left / all)), over: left <= 0 };
}

/** Seconds from now for five minutes more than there are. */
export function moreSecs(ask: Pick<Ask, 'expiresAt'>, now: number, more = 300): number {
  const left = ask.expiresAt === null ? 0 : Math.max(0, ask.expiresAt - now);
  return Math.min(86_400, Math.ceil(left / 1_000) + more);
}

/** The questions in the order in which their time is over. */
export function inOrder(asks: readonly Ask[]): Ask[] {
  return [...asks].sort((one, other) => (one.expiresAt ?? Infinity) - (other.expiresAt ?? Infinity) || one.at - other.at || one.seq - other.seq);
}

/** How a question ended that is not open any more. */
export function endOf(ask: Ask, head: Pick<Head, 'endedAsks' | 'commands'>, now: number): EndedAsk {
  const told = head.endedAsks?.findLast(({ askId }) => askId === ask.askId);
  if (told !== undefined) return told;
  const answers = head.commands.filter(({ type, at }) => type === 'answer' && at >= ask.at);
  const answer = answers.reduce<(typeof answers)[number] | null>((last, one) => (last === null || one.seq > last.seq ? one : last), null);
  const ended = { askId: ask.askId, at: now, by: null, commandId: null };
  if (answer !== null) return { ...ended, how: 'answered', at: answer.at, by: answer.by, commandId: answer.commandId };
  const late = ask.expiresAt !== null && now >= ask.expiresAt - 500;
  return { ...ended, how: late ? 'expired' : 'interrupted', at: late ? (ask.expiresAt ?? now) : now };
}

/** What is said of a question that has ended. */
export function endWords(ask: Ask, ended: EndedAsk, mine: boolean): string {
  if (ended.how === 'answered') return mine ? 'You answered' : `${ended.by?.name ?? 'Somebody'} answered`;
  if (ended.how === 'interrupted') return 'The worker does not wait for an answer any more';
  const { before, what } = atZero(ask);
  return `Nobody answered in time. ${`${before}${what}`.replace(/^At 0:00 (it|the step|the test)/, (_, who: string) => who[0]!.toUpperCase() + who.slice(1)).replace(/, logged as expired\.$/, '')}`;
}
