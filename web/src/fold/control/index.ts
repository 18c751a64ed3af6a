/** The control of a run, folded from its control events alone: what `src/control/fold` has on the server. */
import { ANONYMOUS } from '../fold.js';
import { type Members, text } from '../json.js';
import { isOver, runStatus } from '../status.js';
import { parseTime, showTime } from '../timestamp.js';
import { askOf, Asks, type AskState } from './asks.js';
import { cancelsRun, CommandLedger, isClaimable, pauses } from './commands.js';
import { isControl, kindOf, sortOf } from './kind.js';
import {
  commandId,
  type Cursor,
  id,
  isKnown,
  isSameCursor,
  principal,
  readCursor,
  showCursor,
  time,
} from './members.js';
import { PauseLoan } from './pause.js';
import { isLiving, Workers } from './producers.js';
import { foldReport, settleStates, type Steered } from './report.js';
import { onlyProducer } from './target.js';
import type { ControlView, Principal } from './view.js';
import { commandOf, mayBeWithdrawn, supersede } from './viewers.js';

/** Who has control of the run, since when; its cursor is the lease's token. */
interface Lease {
  readonly cursor: Cursor;
  readonly holder: Principal;
  readonly since: number;
}

/** What a run's control events say. */
export class ControlState implements Steered {
  /** The last control event that is folded. */
  private cursor: Cursor | undefined;
  /** The latest time of an event. */
  private at = 0;
  commands = new CommandLedger();
  workers = new Workers();
  asks = new Asks();
  private lease: Lease | undefined;
  private pause = new PauseLoan();
  /** As it is shown; it is made when it is asked for. */
  private shown: ControlView | undefined;

  /** The control that the server told, with `resume=1`. */
  static from(view: ControlView): ControlState {
    const state = new ControlState();
    const { control, paused } = view;
    const { lease, holder, since, resume } = control;
    state.cursor = control.cursor === null ? undefined : readCursor(control.cursor);
    state.at = parseTime(resume?.at ?? '') ?? 0;
    state.commands = CommandLedger.from(view.commands, resume?.commands ?? [], resume?.finished ?? []);
    state.commands.use(resume?.used ?? []);
    state.workers = Workers.from(view);
    state.asks = Asks.from(view.asks, resume?.asks ?? []);
    const token = lease === null ? undefined : readCursor(lease);
    if (token !== undefined && holder !== null) {
      state.lease = { cursor: token, holder, since: parseTime(since ?? '') ?? 0 };
    }
    state.pause.totalMs = resume?.pausedMs ?? paused?.earlierMs ?? 0;
    if (paused !== null) {
      const [from, until] = [parseTime(paused.since) ?? 0, parseTime(paused.until) ?? 0];
      state.pause.open = { since: from, until, by: paused.by };
    }
    return state;
  }

  /** Another state that is the same now. */
  fork(): ControlState {
    const copy = new ControlState();
    [copy.cursor, copy.at, copy.lease, copy.shown] = [this.cursor, this.at, this.lease, this.shown];
    [copy.commands, copy.workers] = [this.commands.fork(), this.workers.fork()];
    [copy.asks, copy.pause] = [this.asks.fork(), this.pause.fork()];
    return copy;
  }

  /** Folds an event; whether it is a control event that was not folded yet. */
  apply(cursor: Cursor, event: Members): boolean {
    const type = text(event['type']);
    if (type === undefined || !isControl(type)) return false;
    if (this.cursor !== undefined && isKnown(cursor, this.cursor)) return false;
    this.cursor = cursor;
    this.shown = undefined;
    this.at = Math.max(time(event, 'at') ?? this.at, this.at);
    this.fold(type, cursor, event);
    this.settle();
    return true;
  }

  private fold(type: string, cursor: Cursor, event: Members): void {
    const producer = id(event, 'producer');
    switch (type) {
      case 'worker':
        return this.worker(producer ?? ANONYMOUS, event);
      case 'run_status':
        return this.runStatus(producer, event);
      case 'ai_stuck':
        return this.ask(producer ?? ANONYMOUS, cursor, event);
      case 'command_status':
        return foldReport(this, producer, cursor, event);
      case 'control_released':
        return this.release(cursor, event);
      case 'control_reset':
        this.lease = undefined;
        for (const command of this.commands.filter(({ kind }) => sortOf(kind) === 'act')) {
          this.commands.end(command.id, 'interrupted');
        }
        return;
      case 'command_expired':
        return this.expire(commandId(event, 'commandId'));
      case 'ask_expired': {
        const word = event['reason'] === 'interrupted' ? 'interrupted' : 'expired';
        this.asks.end(id(event, 'askId') ?? '', { word });
        return;
      }
      case 'ask_reopened':
        return this.reopen(id(event, 'askId'), time(event, 'expiresAt'));
      case 'producer_status': {
        const status = text(event['status']);
        if (producer !== undefined && status !== undefined && this.workers.stands(producer, status)) {
          this.gone(producer);
        }
        return;
      }
      case 'shards_given_up':
        return this.workers.giveUpShards();
      default: {
        const [kind, by] = [kindOf(type), principal(event)];
        if (kind !== undefined && by !== undefined) this.add(kind, by, cursor, event);
      }
    }
  }

  /** What follows from an event for everything that it does not name. */
  private settle(): void {
    if (isOver(this.workers.status)) this.endAll();
    settleStates(this);
    const standing = this.commands.allWatched().find(pauses);
    if (standing === undefined) this.pause.end(this.at);
    else this.pause.begin({ since: standing.at, until: standing.expiresAt ?? standing.at, by: standing.by });
  }

  private worker(producer: string, event: Members): void {
    if (event['state'] === 'joined') {
      for (const gone of this.workers.join(producer, event, this.at)) this.gone(gone);
    } else if (event['state'] === 'left' && this.workers.leave(producer)) this.gone(producer);
  }

  private runStatus(producer: string | undefined, event: Members): void {
    const status = runStatus(event['status']);
    if (status === undefined) return;
    // Without a producer it is the server's, or older than workers.
    if (producer === undefined) return this.workers.setStatus(status);
    this.workers.heard(producer);
    if (this.workers.report(producer, status)) this.gone(producer);
  }

  private ask(producer: string, cursor: Cursor, event: Members): void {
    this.workers.heard(producer);
    const worker = this.workers.get(producer);
    if (isOver(this.workers.status) || (worker !== undefined && !isLiving(worker))) return;
    const ask = askOf(producer, cursor, this.at, event);
    if (ask !== undefined) this.asks.add(ask);
  }

  private release(cursor: Cursor, event: Members): void {
    const ended = readCursor(text(event['lease']) ?? '');
    const { lease } = this;
    if (lease === undefined || !isSameCursor(ended, lease.cursor)) return;
    this.lease = undefined;
    if (event['reason'] === 'released') this.add('release_control', principal(event) ?? lease.holder, cursor, event);
  }

  private expire(id: string | undefined): void {
    const command = id === undefined ? undefined : this.commands.get(id);
    if (command?.state === 'queued' && isClaimable(command)) this.commands.end(command.id, 'expired');
  }

  private reopen(ask: string | undefined, until: number | undefined): void {
    const answer = ask === undefined || until === undefined ? undefined : this.asks.reopen(ask, until);
    if (answer !== undefined) this.commands.end(answer, 'interrupted');
  }

  /** Takes a command, and does what it does at once. */
  private add(kind: string, by: Principal, cursor: Cursor, event: Members): void {
    const command = commandOf(kind, by, cursor, this.at, event);
    if (command === undefined || !this.commands.add(command)) return;
    if (sortOf(kind) === 'state') supersede(this.commands, command);
    if (sortOf(kind) !== 'word') return;
    const holds = this.takeWord(kind, command.id, by, cursor, event);
    if (holds !== undefined) this.commands.end(command.id, holds ? 'done' : 'rejected');
  }

  /** What it says comes true at once (true), or never (false); undefined: its producer fetches a secret first. */
  private takeWord(kind: string, command: string, by: Principal, cursor: Cursor, event: Members): boolean | undefined {
    const askId = id(event, 'askId') ?? '';
    switch (kind) {
      case 'take_control':
        this.lease = { cursor, holder: by, since: this.at };
        return true;
      case 'extend': {
        const until = time(event, 'expiresAt');
        if (until === undefined || this.asks.get(askId)?.state.word !== 'open') return false;
        this.asks.extend(askId, until);
        return true;
      }
      case 'answer': {
        const state: AskState = { word: 'answered', commandId: command };
        const isEnded = this.asks.end(askId, state) !== undefined;
        return isEnded && event['secret'] === true ? undefined : isEnded;
      }
      case 'withdraw': {
        const withdrawn = commandId(event, 'withdraws');
        const taken = withdrawn === undefined ? undefined : this.commands.get(withdrawn);
        if (taken === undefined || !mayBeWithdrawn(taken)) return false;
        this.commands.layDown(taken.id, 'withdrawn');
        return true;
      }
      default:
        return true;
    }
  }

  /** A producer obeys no more: what it was doing is interrupted, and never done again. */
  private gone(producer: string): void {
    const its = this.commands.filter((command) => {
      // Nobody else may claim what is for it alone.
      const claimant = command.claim?.producer ?? onlyProducer(command.target);
      return isClaimable(command) && claimant === producer;
    });
    for (const command of its) this.commands.end(command.id, 'interrupted');
    this.asks.interrupt((ask) => ask.producer === producer);
  }

  /** The run has ended. */
  private endAll(): void {
    const isCancelled = this.workers.status === 'cancelled';
    for (const command of this.commands.filter(() => true)) {
      this.commands.layDown(command.id, isCancelled && cancelsRun(command) ? 'done' : 'interrupted');
    }
    this.asks.interrupt(() => true);
    this.workers.end();
  }

  /** What is shown of it. */
  view(): ControlView {
    this.shown ??= this.show();
    return this.shown;
  }

  private show(): ControlView {
    const { lease } = this;
    const { open, totalMs } = this.pause;
    return {
      control: {
        cursor: this.cursor === undefined ? null : showCursor(this.cursor),
        lease: lease === undefined ? null : showCursor(lease.cursor),
        holder: lease?.holder ?? null,
        since: lease === undefined ? null : showTime(lease.since),
      },
      commands: this.commands.shown(),
      asks: this.asks.shown(),
      paused:
        open === undefined
          ? null
          : { since: showTime(open.since), until: showTime(open.until), by: open.by, earlierMs: totalMs },
      producers: this.workers.shown(),
    };
  }
}
