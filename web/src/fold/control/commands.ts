/** The commands of a run: those that are open or stand, the last that ended, and the ids of all others. */
import { parseTime, showTime } from '../timestamp.js';
import { isFinal, sortOf } from './kind.js';
import { type Cursor, readCursor, showCursor } from './members.js';
import { isForAll } from './target.js';
import type { CommandState, CommandTarget, Principal, ResumedCommand, ShownCommand } from './view.js';

/** Commands that have ended and are kept whole. */
const MAX_FINISHED = 50;

/** A command that is kept whole. One never changes: a change makes a new one. */
export interface KeptCommand {
  readonly id: string;
  readonly kind: string;
  readonly cursor: Cursor;
  readonly at: number;
  readonly by: Principal;
  readonly target: CommandTarget;
  /** Until when an act may be claimed, a secret fetched, a pause last. */
  readonly expiresAt: number | undefined;
  readonly state: CommandState;
  /** A state that holds until another takes its place, for producers that join later as well. */
  readonly stands: boolean;
  /** Who has claimed it, and the cursor of the `accepted`. */
  readonly claim: { producer: string; cursor: Cursor } | undefined;
  /** What producers have reported of a state. */
  readonly reports: ReadonlyMap<string, CommandState>;
  readonly detail: string | undefined;
  readonly result: unknown;
  /** The event with `seq`. */
  readonly event: unknown;
  /** A secret belongs to it. */
  readonly hasSecret: boolean;
  /** The test that a `cancel` is for. */
  readonly testId: string | undefined;
  /** The question that it answers or extends. */
  readonly askId: string | undefined;
  /** Instructions that replace the earlier ones; a `hold` that holds. */
  readonly isSet: boolean;
}

/** Whether it pauses the run, or a part of it, now. */
export const pauses = (command: KeptCommand) => command.kind === 'pause' && command.stands;

/** Whether it is to end the run, not only a test of it. */
export const cancelsRun = ({ kind, testId, target }: KeptCommand) =>
  kind === 'cancel' && testId === undefined && isForAll(target);

/** Whether it is an act, or a secret that is to be fetched like one. */
export const isClaimable = ({ kind, hasSecret }: KeptCommand) =>
  sortOf(kind) === 'act' || (kind === 'answer' && hasSecret);

/** Whether a control event that does not name it may change it. */
function isWatched({ stands, kind, state, reports }: KeptCommand): boolean {
  const rests = stands && (kind === 'pause' || kind === 'hold');
  return rests || (sortOf(kind) === 'state' && !isFinal(state) && reports.size > 0);
}

/** All commands of a run. */
export class CommandLedger {
  private known = new Set<string>();
  /** Those that are open, or stand, in their order. */
  private kept = new Map<string, KeptCommand>();
  /** The last that ended, the oldest end first. */
  private finished: KeptCommand[] = [];
  /** Those of the kept ones that each control event may change. */
  private watched = new Set<string>();

  static from(shown: readonly ShownCommand[], resumed: readonly ResumedCommand[], finished: readonly string[]) {
    const ledger = new CommandLedger();
    const hidden = new Map(resumed.map((one) => [one.commandId, one]));
    const all = [...shown, ...resumed.flatMap((one) => one.shown ?? [])].map((one) =>
      readCommand(one, hidden.get(one.commandId)),
    );
    const ends = new Map(finished.map((id, index) => [id, index]));
    for (const command of all.sort((one, other) => one.cursor.seq - other.cursor.seq)) {
      ledger.known.add(command.id);
      const end = ends.get(command.id);
      if (end !== undefined) ledger.finished[end] = command;
      else ledger.keep(command);
    }
    // Holes would be commands that were not told of.
    ledger.finished = ledger.finished.flatMap((command) => command ?? []);
    return ledger;
  }

  /** Ids of commands that are not kept whole. */
  use(ids: readonly string[]): void {
    for (const id of ids) this.known.add(id);
  }

  fork(): CommandLedger {
    const copy = new CommandLedger();
    [copy.known, copy.kept, copy.watched] = [new Set(this.known), new Map(this.kept), new Set(this.watched)];
    copy.finished = this.finished.slice();
    return copy;
  }

  /** Takes a command; false, and nothing happens, if its id is known. */
  add(command: KeptCommand): boolean {
    if (this.known.has(command.id)) return false;
    this.known.add(command.id);
    this.keep(command);
    return true;
  }

  /** One that is open or stands. */
  get(id: string): KeptCommand | undefined {
    return this.kept.get(id);
  }

  /** Those that are open or stand, and are `wanted`, in their order. */
  filter(wanted: (command: KeptCommand) => boolean): KeptCommand[] {
    return [...this.kept.values()].filter(wanted);
  }

  /** Those that a control event may change which does not name them. */
  allWatched(): KeptCommand[] {
    return [...this.watched].flatMap((id) => this.kept.get(id) ?? []);
  }

  /** Changes a command that is open or stands, or has ended lately. */
  change(id: string, change: Partial<KeptCommand>): void {
    const command = this.kept.get(id);
    if (command !== undefined) return this.keep({ ...command, ...change });
    const at = this.finished.findIndex((one) => one.id === id);
    const ended = this.finished[at];
    if (ended !== undefined) this.finished[at] = { ...ended, ...change };
  }

  /** The command has ended like this, unless it has ended before. */
  end(id: string, state: CommandState): void {
    const command = this.kept.get(id);
    if (command !== undefined && !isFinal(command.state)) this.change(id, { state });
  }

  /** The command does not stand any more. */
  layDown(id: string, state: CommandState): void {
    const command = this.kept.get(id);
    if (command === undefined) return;
    this.change(id, { stands: false, state: isFinal(command.state) ? command.state : state });
  }

  /** Keeps a command as it is now: one that is neither open nor stands among the last that ended. */
  private keep(command: KeptCommand): void {
    const { id, stands, state } = command;
    if (isWatched(command)) this.watched.add(id);
    else this.watched.delete(id);
    if (stands || !isFinal(state)) {
      this.kept.set(id, command);
      return;
    }
    this.kept.delete(id);
    this.finished.push(command);
    if (this.finished.length > MAX_FINISHED) this.finished.shift();
  }

  /** Those that wait for producers, whole, and the last 50 that have ended. */
  shown(): ShownCommand[] {
    const standing = this.filter(({ state }) => isFinal(state));
    const ended = [...standing, ...this.finished].sort((one, other) => one.cursor.seq - other.cursor.seq);
    return [
      ...this.filter(({ state }) => !isFinal(state)).map((command) => showCommand(command, true)),
      ...ended.slice(-MAX_FINISHED).map((command) => showCommand(command, false)),
    ];
  }
}

function showCommand(command: KeptCommand, whole: boolean): ShownCommand {
  const { target, expiresAt, claim, reports, detail, result } = command;
  const shown: ShownCommand = {
    commandId: command.id,
    type: command.kind,
    state: command.state,
    cursor: showCursor(command.cursor),
    at: showTime(command.at),
    by: command.by,
  };
  if (!isForAll(target)) shown.target = target;
  if (expiresAt !== undefined && command.kind !== 'extend') shown.expiresAt = showTime(expiresAt);
  if (claim !== undefined) [shown.producer, shown.claim] = [claim.producer, showCursor(claim.cursor)];
  if (reports.size > 0) shown.producers = Object.fromEntries(reports);
  if (detail !== undefined) shown.detail = detail;
  if (result !== undefined) shown.result = result;
  if (whole) shown.event = command.event;
  return shown;
}

function readCommand(shown: ShownCommand, hidden: ResumedCommand | undefined): KeptCommand {
  const cursor = (text: string) => readCursor(text) ?? { epoch: null, seq: 0 };
  const { producer, claim, expiresAt } = shown;
  return {
    id: shown.commandId,
    kind: shown.type,
    cursor: cursor(shown.cursor),
    at: parseTime(shown.at) ?? 0,
    by: shown.by,
    target: shown.target ?? {},
    expiresAt: expiresAt === undefined ? undefined : parseTime(expiresAt),
    state: shown.state,
    stands: hidden?.stands ?? false,
    claim: producer === undefined || claim === undefined ? undefined : { producer, cursor: cursor(claim) },
    reports: new Map(Object.entries(shown.producers ?? {})),
    detail: shown.detail,
    result: shown.result,
    event: shown.event,
    hasSecret: hidden?.hasSecret ?? false,
    testId: hidden?.testId,
    askId: hidden?.askId,
    isSet: hidden?.isSet ?? false,
  };
}
