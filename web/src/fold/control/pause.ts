/** A pause is a loan of time: it has an end, and all pauses of a run together have one. */
import type { Principal } from './view.js';

/** A pause: since when, until when at most, and who paused first. */
export interface Paused {
  readonly since: number;
  readonly until: number;
  readonly by: Principal;
}

/** How long the run has been paused, and until when it is. */
export class PauseLoan {
  /** The pause that goes on. */
  open: Paused | undefined;
  /** Milliseconds of the pauses that are over. */
  totalMs = 0;

  fork(): PauseLoan {
    return Object.assign(new PauseLoan(), this);
  }

  /** A pause stands, which begins the loan unless it goes on. */
  begin(paused: Paused): void {
    this.open ??= paused;
  }

  /** No pause stands any more. It took no longer than it was lent for. */
  end(at: number): void {
    if (this.open === undefined) return;
    this.totalMs += Math.max(Math.min(at, this.open.until) - this.open.since, 0);
    this.open = undefined;
  }
}
