/** Gives commands, and keeps what the server said about them. */
import { signal } from '@preact/signals';

import { keep, who } from '../../ui/who.js';
import { say } from '../../ui/announce.js';
import { isNamed } from '../../ui/rights.js';
import type { CommandTarget } from './target.js';
import { noteRefusal } from '../rights.js';
import { head } from '../store.js';
import { call, Refusal, tell } from '../worker.js';
import { refusalOf } from './refusals.js';

/** A command, as the protocol has it. */
export type Given = Record<string, unknown> & { type: string };

/** The part of the page that gave a command: what the server says of it is shown there. */
export type From = 'bar' | 'ask' | 'hand' | 'drawer' | 'wall';

/** What the server refused last, where. */
export const said = signal<{ from: From; text: string; held: boolean } | null>(null);
/** Commands on their way to the server: `from/type`. */
export const sending = signal<ReadonlySet<string>>(new Set());
/** Somebody is asked for a name before a command is given. */
export const nameWanted = signal<{ from: From; go: () => void } | null>(null);

let anonymous = false;

/** Most characters of a name. */
export const MAX_NAME = 60;

/** Changes one's name for what one does from now on, and keeps it in this browser. An empty name: none. */
export function rename(name: string): void {
  anonymous = name === '';
  who.name.value = name;
  keep('runcast-user', name);
  tell({ type: 'name', user: name });
}

/** Answers the question for one's name, and gives the command that waited for it. An empty name: none. */
export function setName(name: string): void {
  rename(name);
  const wanted = nameWanted.peek();
  nameWanted.value = null;
  wanted?.go();
}

/** Whether oneself has control. */
export function isMine(): boolean {
  const control = head.value?.control;
  if (control?.holder == null) return false;
  return control.mine || (who.name.value !== '' && control.holder.subject === who.name.value);
}

// what stops a run is not held up by a question
const AT_ONCE = new Set(['pause', 'cancel', 'renew_control']);

export interface GiveOptions {
  target?: CommandTarget | null;
  expect?: Record<string, unknown>;
  /** One has to have a name for it. */
  named?: boolean;
}

/** Gives a command; null: it was refused, and {@link said} says why. Whoever has no name yet is asked for it once. */
export async function give(
  from: From,
  command: Given,
  options: GiveOptions = {},
): Promise<{ commandId: string; state: string } | null> {
  // Where credentials are needed the server knows the name.
  const isNameless = who.name.peek() === '' && !isNamed.peek();
  const needsName = isNameless && (options.named === true || (!anonymous && !AT_ONCE.has(command.type)));
  if (needsName) {
    await new Promise<void>((resolve) => (nameWanted.value = { from, go: resolve }));
    if (options.named === true && who.name.peek() === '') {
      said.value = { from, text: 'Others have to see who has control: give a name.', held: false };
      return null;
    }
  }
  return sendNow(from, command, options);
}

async function sendNow(
  from: From,
  command: Given,
  { target, expect }: GiveOptions,
): Promise<{ commandId: string; state: string } | null> {
  const mark = `${from}/${command.type}`;
  sending.value = new Set(sending.peek()).add(mark);
  try {
    const given = { ...command, ...(target != null && { target }), ...(expect !== undefined && { expect }) };
    const answer = await call('command', { command: given });
    if (said.peek()?.from === from) said.value = null;
    return answer;
  } catch (error) {
    refused(from, error);
    return null;
  } finally {
    const left = new Set(sending.peek());
    left.delete(mark);
    sending.value = left;
  }
}

/** Says where it was given that something was refused. */
export function refused(from: From, error: unknown): void {
  const { code, detail, members } = error instanceof Refusal ? error : { code: 'failed', detail: '', members: {} };
  noteRefusal(code);
  const text = refusalOf({ code, detail, members: members ?? {} });
  said.value = { from, text, held: code === 'lease_held' || code === 'lease_lost' };
  say(text, 'refusal');
}
