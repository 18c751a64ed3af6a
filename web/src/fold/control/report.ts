/** What becomes of commands by the reports of producers and of the server. */
import type { Members } from '../json.js';
import { wholeTexts } from '../json.js';
import { type Asks, bytesOfJson } from './asks.js';
import { type CommandLedger, isClaimable, type KeptCommand } from './commands.js';
import { isFinal, sortOf } from './kind.js';
import { type Cursor, commandId, isSameCursor, member, readCursor, shortText } from './members.js';
import { can, type Workers } from './producers.js';
import { isFor } from './target.js';
import type { CommandState } from './view.js';

/** Most bytes that are kept of what came of a command. */
const MAX_RESULT_BYTES = 4 * 1024;

const REPORTS = new Set(['accepted', 'done', 'failed', 'rejected', 'interrupted']);

/** What reports are folded into. */
export interface Steered {
  readonly commands: CommandLedger;
  readonly workers: Workers;
  readonly asks: Asks;
}

/** A report of a producer. */
interface ProducerReport {
  producer: string;
  state: CommandState;
  claim: string | undefined;
}

/** Folds a `command_status`. */
export function foldReport(run: Steered, producer: string | undefined, cursor: Cursor, event: Members): void {
  const state = event['status'];
  if (typeof state !== 'string' || !REPORTS.has(state)) return;
  const named = commandId(event, 'commandId');
  if (named === undefined) return;
  const command = run.commands.get(named);
  const isServers = producer === undefined || member(event, 'keyHash') !== undefined;
  if (!isServers) run.workers.heard(producer);
  if (command === undefined) return;
  const { id } = command;
  if (producer === undefined) run.commands.end(id, state as CommandState);
  else {
    const claim = typeof event['claim'] === 'string' ? event['claim'] : undefined;
    if (!takeReport(run, command, { producer, state: state as CommandState, claim }, cursor)) return;
  }
  const detail = shortText(event, 'detail');
  const result = wholeTexts(member(event, 'result'));
  const change: { detail?: string; result?: unknown } = {};
  if (detail !== undefined) change.detail = detail;
  if (result !== undefined && bytesOfJson(result) <= MAX_RESULT_BYTES) change.result = result;
  run.commands.change(id, change);
}

/** Whether a producer may report of a command, or claim it. */
function isForProducer(run: Steered, command: KeptCommand, producer: string): boolean {
  if (command.kind !== 'answer' || command.askId === undefined) return isFor(command.target, producer);
  return run.asks.get(command.askId)?.producer === producer;
}

/** Whether it changes something. */
function takeReport(run: Steered, command: KeptCommand, report: ProducerReport, cursor: Cursor): boolean {
  const { producer, state } = report;
  if (isFinal(command.state) && !command.stands) return false;
  if (!isForProducer(run, command, producer) || !run.workers.mayObey(producer) || state === 'interrupted') return false;
  if (sortOf(command.kind) === 'state') return takeProgress(run, command, report);
  return isClaimable(command) && takeClaim(run, command, report, cursor);
}

/** What one producer says of a state. Its last word counts. */
function takeProgress(run: Steered, { id, reports }: KeptCommand, { producer, state }: ProducerReport): boolean {
  const known = reports.get(producer);
  if (known === state || (known !== undefined && isFinal(known))) return false;
  run.commands.change(id, { reports: new Map([...reports, [producer, state]]) });
  return true;
}

/** The first that accepts an act has it; only its reports count. */
function takeClaim(run: Steered, command: KeptCommand, report: ProducerReport, cursor: Cursor): boolean {
  const { producer, state, claim: named } = report;
  const { id, claim } = command;
  if (claim !== undefined) {
    const isOfClaim = named === undefined || isSameCursor(readCursor(named), claim.cursor);
    const counts = claim.producer === producer && isOfClaim && state !== 'accepted';
    if (counts) run.commands.end(id, state);
    return counts;
  }
  if (command.state !== 'queued' || named !== undefined) return false;
  run.commands.change(id, { claim: { producer, cursor }, state });
  return true;
}

/** What became of states follows from what their producers have reported, and from who is there. */
export function settleStates(run: Steered): void {
  // One that nobody has reported of is queued.
  for (const command of run.commands.allWatched()) {
    if (isFinal(command.state)) continue;
    const state = progress(run, command);
    if (state !== command.state) run.commands.change(command.id, { state });
  }
}

/**
 * A state is done when every living producer that it is for, and that obeys its kind, has done it. Without such
 * producers the first that has done it counts.
 */
function progress({ workers }: Steered, { kind, target, reports, testId }: KeptCommand): CommandState {
  const living = workers.living().filter(([id, worker]) => isFor(target, id) && can(worker, kind));
  const all = living.length;
  const reported = all === 0 ? [...reports.values()] : living.flatMap(([id]) => reports.get(id) ?? []);
  const ended = reported.filter(isFinal).length;
  const has = (state: CommandState) => reported.includes(state);
  // One test runs in one place: it is cancelled when one has cancelled it.
  const bestFirst = testId !== undefined || all === 0;
  const order: CommandState[] = bestFirst ? ['done', 'failed', 'rejected'] : ['failed', 'rejected', 'done'];
  const isOver = all === 0 || (testId !== undefined && has('done')) ? ended > 0 : ended === all;
  const over = isOver ? order.find(has) : undefined;
  return over ?? (reports.size === 0 ? 'queued' : 'accepted');
}
