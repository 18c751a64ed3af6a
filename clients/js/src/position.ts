import type { ConnectedMessage, EpochMessage, GapMessage, ResetMessage } from './messages.js';

/** All events up to `seq`, as `epoch` stored them. */
interface Place {
  epoch: string | null;
  seq: number;
}

/**
 * What a message means for a watch: news; something that it has had from another connection; or a sign that the
 * connection's place in the log can't be reconciled with the watch's, which has to come back with its own cursor.
 */
export type Verdict = 'new' | 'known' | 'resync';

/** Where a watch stands in the log, and where the connection stands that tells it of the log. No I/O. */
export class Position {
  readonly #asked: string;
  /** Unknown until the first connection, unless the watch began at a cursor. */
  #place: Place | undefined;
  /** Of the current connection. It may be behind `#place` after a change of connections. */
  #link: Place = { epoch: null, seq: 0 };
  #tip = 0;
  /** The epoch in which `#tip` was told. */
  #tipEpoch: string | null = null;

  /** `after`: where the watch begins, as in the query. */
  constructor(after: string) {
    this.#asked = after;
    if (/^(\d+:)?\d+$/.test(after)) this.#place = parsed(after);
  }

  /** What to pass as `after` to go on. */
  get after(): string {
    return this.cursor ?? this.#asked;
  }

  get cursor(): string | undefined {
    return this.#place === undefined ? undefined : written(this.#place);
  }

  get seq(): number | undefined {
    return this.#place?.seq;
  }

  /** Seq of the run's last event, as far as it is known. */
  get tip(): number {
    return this.#tip;
  }

  /** A connection has begun, and is the one whose messages are told from now on. */
  connected(message: ConnectedMessage): Verdict {
    const theirs = parsed(message.cursor);
    this.#link = { ...theirs };
    this.#tip = message.tip;
    this.#tipEpoch = message.epoch;
    return this.#adopt(theirs);
  }

  epoch(message: EpochMessage): Verdict {
    const theirs = parsed(message.cursor);
    this.#link = { ...theirs };
    return this.#adopt(theirs);
  }

  event(seq: number): Verdict {
    const place = this.#place;
    if (place === undefined || seq !== this.#link.seq + 1 || this.#link.epoch !== place.epoch) return 'resync';
    this.#link.seq = seq;
    this.#tip = Math.max(this.#tip, seq);
    if (seq <= place.seq) return 'known';
    if (seq > place.seq + 1) return 'resync';
    place.seq = seq;
    return 'new';
  }

  gap(message: GapMessage): Verdict {
    const theirs = parsed(message.cursor);
    this.#link = { ...theirs };
    this.#tip = Math.max(this.#tip, message.to);
    if (this.#place !== undefined && this.#place.seq >= message.to) {
      return theirs.epoch === this.#place.epoch ? 'known' : 'resync';
    }
    this.#place = { epoch: theirs.epoch, seq: theirs.seq };
    return 'new';
  }

  reset(message: ResetMessage): Verdict {
    const theirs = parsed(message.cursor);
    // It was decided for the connection's place. Where that is not ours, the server has to decide anew.
    if (this.#place?.seq !== this.#link.seq || this.#place.epoch !== this.#link.epoch) return 'resync';
    this.#link = { ...theirs };
    if (message.epoch !== this.#tipEpoch) this.#tip = theirs.seq;
    this.#tipEpoch = message.epoch;
    this.#place = { ...theirs };
    return 'new';
  }

  #adopt(theirs: Place): Verdict {
    const mine = this.#place;
    if (mine === undefined || mine.seq === theirs.seq) {
      this.#place = { ...theirs };
      return 'new';
    }
    // A connection that was opened earlier starts earlier: what it repeats is known, if it is of the same epoch.
    return theirs.seq < mine.seq && theirs.epoch === mine.epoch ? 'known' : 'resync';
  }
}

/** The place that a cursor names: `epoch:seq`, or `seq` while the run has no event. */
export function parsed(cursor: string): Place {
  const at = cursor.indexOf(':');
  return { epoch: at < 0 ? null : cursor.slice(0, at), seq: Number(cursor.slice(at + 1)) };
}

export function written({ epoch, seq }: Place): string {
  return epoch === null ? String(seq) : `${epoch}:${seq}`;
}
