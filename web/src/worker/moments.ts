/** Which moment is shown. Of several that are asked for one after the other only the newest is gone to. */
import type { Moment } from '../model.js';
import type { RunFold } from './fold.js';

export type Target = { seq: number } | { at: number } | 'live';

export interface MomentRun {
  /** The last event. */
  tip(): number;
  /** The last event at a time. */
  seqAt(at: number, signal: AbortSignal): Promise<number>;
  timeOf(seq: number, signal: AbortSignal): Promise<number | null>;
  /** The fold after an event. */
  foldAt(seq: number, signal: AbortSignal): Promise<RunFold>;
  /** Shows a fold; null: the run as it is now. */
  show(fold: RunFold | null): void;
  touch(): void;
}

export class Moments {
  #shown: Moment = { live: true, seq: 0, at: null, loading: false };
  #wanted: Target | null = null;
  #stop = new AbortController();
  #isBusy = false;
  #isChanged = true;

  constructor(private readonly run: MomentRun) {}

  get isLive(): boolean {
    return this.#shown.live;
  }

  /** Goes to a moment. */
  go(to: Target): void {
    if (to === 'live') return this.#live();
    this.#wanted = to;
    this.#tell({
      ...this.#shown,
      live: false,
      seq: 'seq' in to ? to.seq : this.#shown.seq,
      at: 'at' in to ? to.at : this.#shown.at,
      loading: true,
    });
    if (!this.#isBusy) void this.#work();
  }

  /** What is to be told. */
  change(): Moment | null {
    if (!this.#isChanged) return null;
    this.#isChanged = false;
    return this.#shown.live ? { ...this.#shown, seq: this.run.tip() } : this.#shown;
  }

  /** Events are void, or the run is read anew: the moment is found again. */
  again(): void {
    if (this.#shown.live) return;
    const { seq } = this.#shown;
    this.#stop.abort();
    this.go({ seq: Math.min(seq, Math.max(1, this.run.tip())) });
  }

  #live(): void {
    this.#wanted = null;
    this.#stop.abort();
    if (this.#shown.live) return;
    this.run.show(null);
    this.#tell({ live: true, seq: this.run.tip(), at: null, loading: false });
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    while (this.#wanted !== null && this.#wanted !== 'live') {
      const to = this.#wanted;
      this.#wanted = null;
      this.#stop = new AbortController();
      const { signal } = this.#stop;
      try {
        const found = 'seq' in to ? to.seq : await this.run.seqAt(to.at, signal);
        const seq = Math.max(1, Math.min(found, this.run.tip()));
        const fold = await this.run.foldAt(seq, signal);
        const at = await this.run.timeOf(seq, signal);
        if (signal.aborted || this.#wanted !== null) continue;
        this.run.show(fold);
        this.#tell({ live: false, seq, at, loading: false });
      } catch {
        // The server is away or can't tell: what is shown stays, and is what it says it is.
        if (!signal.aborted && this.#wanted === null) this.#live();
      }
    }
    this.#isBusy = false;
  }

  #tell(moment: Moment): void {
    this.#shown = moment;
    this.#isChanged = true;
    this.run.touch();
  }
}
