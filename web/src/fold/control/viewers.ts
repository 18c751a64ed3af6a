/** The commands that events give. */
import { object, type Members } from '../json.js';
import { withSeq } from './asks.js';
import { cancelsRun, type CommandLedger, type KeptCommand, pauses } from './commands.js';
import { sortOf } from './kind.js';
import { commandId, type Cursor, id, time } from './members.js';
import { covers, targetOf } from './target.js';
import type { Principal } from './view.js';

/** The command of an event; undefined if members that it needs can't be read. */
export function commandOf(
  kind: string,
  by: Principal,
  cursor: Cursor,
  at: number,
  event: Members,
): KeptCommand | undefined {
  const expiresAt = time(event, 'expiresAt');
  const sort = sortOf(kind);
  const needsEnd = sort === 'act' || kind === 'pause' || kind === 'extend';
  const [named, target] = [commandId(event, 'commandId'), targetOf(event)];
  if ((needsEnd && expiresAt === undefined) || named === undefined || target === undefined) return undefined;
  const secretOf = kind === 'answer' ? event : kind === 'manual_action' ? object(event['action']) : undefined;
  return {
    id: named,
    kind,
    cursor,
    at,
    by,
    target,
    expiresAt,
    state: 'queued',
    stands: sort === 'state',
    claim: undefined,
    reports: new Map(),
    detail: undefined,
    result: undefined,
    event: withSeq(cursor.seq, event),
    hasSecret: secretOf?.['secret'] === true,
    testId: kind === 'cancel' ? id(event, 'testId') : undefined,
    askId: id(event, 'askId'),
    isSet: kind === 'update_instructions' ? event['mode'] !== 'append' : kind === 'hold' && event['when'] !== 'never',
  };
}

/** Whether it can be taken back: nobody has begun with it. */
export function mayBeWithdrawn({ state, kind }: KeptCommand): boolean {
  return state === 'queued' && sortOf(kind) !== 'word';
}

/** What states have in common of which the newest counts. */
const group = ({ kind }: KeptCommand) => (kind === 'resume' ? 'pause' : kind);

/** A state takes the place of the earlier ones of its kind. */
export function supersede(commands: CommandLedger, command: KeptCommand): void {
  // Instructions that are added go beside the earlier ones.
  if (command.kind === 'update_instructions' && !command.isSet) return;
  const isOfItsKind = (other: KeptCommand) =>
    sortOf(command.kind) === 'state' && group(command) === group(other) && command.testId === other.testId;
  const supersedes = (other: KeptCommand) => other.stands && isOfItsKind(other) && covers(command.target, other.target);
  // A run that is to end does not pause.
  const endsPause = (other: KeptCommand) => cancelsRun(command) && pauses(other);
  const older = commands.filter((other) => other.id !== command.id && (supersedes(other) || endsPause(other)));
  for (const { id } of older) commands.layDown(id, 'superseded');
}
