/** The questions of producers (`ai_stuck`): each is open until it ends, exactly once. */
import { type Members, object, wholeTexts } from '../json.js';
import { compareBytes, utf8Length } from '../space.js';
import { parseTime, showTime } from '../timestamp.js';
import { type Cursor, id, readCursor, showCursor, time } from './members.js';
import type { ResumedAsk, ShownAsk } from './view.js';

/** Most questions that are open at a time; a further one opens nothing. */
const MAX_OPEN_ASKS = 1_000;
/** Questions that have ended and are remembered. */
const MAX_ENDED_ASKS = 1_000;
/** Bytes of events of open questions that are kept; a further question is shown without its event. */
const MAX_ASK_BYTES = 1024 * 1024;
/** Of the last that ended, so many keep their events if those are for credentials. */
const WITH_EVENTS = 20;

const ACTIONS = new Set(['skip', 'continue', 'wait']);

/** How a question ended, or that it is open. */
export type AskState = { word: 'open' | 'expired' | 'interrupted' } | { word: 'answered'; commandId: string };

/** A question. One never changes: a change makes a new one. */
export interface Ask {
  readonly id: string;
  readonly producer: string;
  readonly cursor: Cursor;
  readonly at: number;
  /** Until when it may be answered; one that waits has no end. */
  readonly expiresAt: number | undefined;
  readonly needs: string;
  readonly onTimeout: ShownAsk['onTimeout'];
  readonly state: AskState;
  /** The event with `seq`, unless there were too many bytes of them. */
  readonly event: unknown;
  readonly bytes: number;
}

/** The event with its `seq`, as the server shows it. */
export function withSeq(seq: number, event: Members): unknown {
  return { seq, ...(wholeTexts(event) as Members) };
}

/** About how many bytes the server counts of an event: as many, if nothing stands between its tokens. */
export function bytesOfJson(value: unknown): number {
  return value === undefined ? 0 : utf8Length(JSON.stringify(value));
}

/** Of an `ai_stuck`; undefined if it opens nothing. */
export function askOf(producer: string, cursor: Cursor, at: number, event: Members): Ask | undefined {
  const [expiresAt, askId, needs] = [time(event, 'expiresAt'), id(event, 'askId'), id(event, 'needs')];
  if (event['stale'] === true || expiresAt === undefined || askId === undefined || needs === undefined)
    return undefined;
  const action = object(event['onTimeout'])?.['action'];
  const onTimeout = typeof action === 'string' && ACTIONS.has(action) ? (action as ShownAsk['onTimeout']) : 'fail';
  const shown = withSeq(cursor.seq, event);
  return {
    id: askId,
    producer,
    cursor,
    at,
    expiresAt: onTimeout === 'wait' ? undefined : expiresAt,
    needs,
    onTimeout,
    state: { word: 'open' },
    event: shown,
    bytes: bytesOfJson(shown),
  };
}

/** The questions of a run. */
export class Asks {
  private open = new Map<string, Ask>();
  /** The last that ended, the oldest first. */
  private ended: Ask[] = [];
  /** Bytes of the open ones' events. */
  private bytes = 0;

  static from(open: readonly ShownAsk[], ended: readonly ResumedAsk[]): Asks {
    const asks = new Asks();
    for (const shown of open) {
      const ask = readAsk(shown, { word: 'open' });
      asks.open.set(ask.id, ask);
      asks.bytes += ask.bytes;
    }
    asks.ended = ended.map((shown) => readAsk(shown, stateOf(shown)));
    return asks;
  }

  fork(): Asks {
    const copy = new Asks();
    [copy.open, copy.ended, copy.bytes] = [new Map(this.open), this.ended.slice(), this.bytes];
    return copy;
  }

  /** Opens one, unless it was opened before, or too many are open; whether it is open now, as its producer's. */
  add(ask: Ask): boolean {
    const open = this.open.get(ask.id);
    if (open !== undefined) return open.producer === ask.producer;
    if (this.get(ask.id) !== undefined || this.open.size >= MAX_OPEN_ASKS) return false;
    const kept = this.bytes + ask.bytes > MAX_ASK_BYTES ? { ...ask, event: undefined, bytes: 0 } : ask;
    this.bytes += kept.bytes;
    this.open.set(kept.id, kept);
    return true;
  }

  /** One that is open, or has ended lately. */
  get(id: string): Ask | undefined {
    return this.open.get(id) ?? this.ended[this.endedAt(id)];
  }

  private endedAt(id: string): number {
    return this.ended.findLastIndex((ask) => ask.id === id);
  }

  /** One ends; it, if it was open. */
  end(id: string, state: AskState): Ask | undefined {
    const ask = this.open.get(id);
    if (ask === undefined) return undefined;
    this.open.delete(id);
    this.bytes -= ask.bytes;
    const without = { event: undefined, bytes: 0 };
    // An answer that is a secret may be lost, and the question opened again.
    const ended = { ...ask, state, ...(ask.needs === 'credential' ? {} : without) };
    this.ended.push(ended);
    if (this.ended.length > MAX_ENDED_ASKS) this.ended.shift();
    const index = this.ended.length - WITH_EVENTS;
    const older = this.ended[index];
    if (older !== undefined) this.ended[index] = { ...older, ...without };
    return ended;
  }

  /** Ends those that are `wanted`. */
  interrupt(wanted: (ask: Ask) => boolean): void {
    for (const ask of this.sorted().filter(wanted)) this.end(ask.id, { word: 'interrupted' });
  }

  /** Moves the end of one that is open and has an end. */
  extend(id: string, until: number): void {
    const ask = this.open.get(id);
    if (ask?.expiresAt !== undefined) this.open.set(id, { ...ask, expiresAt: until });
  }

  /** Opens one again whose answer is lost; the command that had answered it. */
  reopen(id: string, until: number): string | undefined {
    const at = this.open.has(id) ? -1 : this.endedAt(id);
    const ask = this.ended[at];
    if (ask?.state.word !== 'answered') return undefined;
    this.ended.splice(at, 1);
    this.add({ ...ask, state: { word: 'open' }, expiresAt: ask.onTimeout === 'wait' ? undefined : until });
    return ask.state.commandId;
  }

  /** Those that are open, as they are shown, by their ids. */
  shown(): ShownAsk[] {
    return this.sorted().map((ask) => {
      const shown: ShownAsk = {
        askId: ask.id,
        producer: ask.producer,
        cursor: showCursor(ask.cursor),
        at: showTime(ask.at),
        needs: ask.needs,
        expiresAt: ask.expiresAt === undefined ? null : showTime(ask.expiresAt),
        onTimeout: ask.onTimeout,
        secret: ask.needs === 'credential',
      };
      if (ask.event !== undefined) shown.event = ask.event;
      return shown;
    });
  }

  private sorted(): Ask[] {
    return [...this.open.values()].sort((one, other) => compareBytes(one.id, other.id));
  }
}

function stateOf({ state, commandId }: ResumedAsk): AskState {
  if (state === 'answered' && commandId !== undefined) return { word: 'answered', commandId };
  return { word: state === 'expired' ? 'expired' : 'interrupted' };
}

function readAsk(shown: ShownAsk, state: AskState): Ask {
  return {
    id: shown.askId,
    producer: shown.producer,
    cursor: readCursor(shown.cursor) ?? { epoch: null, seq: 0 },
    at: parseTime(shown.at) ?? 0,
    expiresAt: shown.expiresAt === null ? undefined : parseTime(shown.expiresAt),
    needs: shown.needs,
    onTimeout: shown.onTimeout,
    state,
    event: shown.event,
    bytes: bytesOfJson(shown.event),
  };
}
