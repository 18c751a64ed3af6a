/** Events over the time of the run, in bins of equal time: the server's once, then extended by what comes. */
import type { Timeline } from '../model.js';

export type Mark = Timeline['marks'][number];

/** Most bins, and most marks. */
const BINS = 200;
const MAX_MARKS = 500;
/** The shortest bin, in milliseconds. */
const SHORTEST = 50;

/** What the server answers. */
export interface ServerTimeline {
  tip: number;
  bins: { seq: number; at: number | null; events: number }[];
  marks: Mark[];
}

/** Bins that grow with the run: when there are too many, two become one. */
export class Bins {
  #from = 0;
  #width = SHORTEST;
  #events: number[] = [];
  #seqs: number[] = [];
  #marks: Mark[] = [];
  #last = 0;
  /** Time of the last event. */
  #to = 0;

  /** Seq of the last event that is in it. */
  get last(): number {
    return this.#last;
  }

  get isEmpty(): boolean {
    return this.#last === 0;
  }

  /** Begins with what the server tells. `from`: when the run began. */
  begin(server: ServerTimeline, from: number): void {
    const ends = server.bins.map(({ at }) => at).filter((at): at is number => at !== null);
    const to = ends.at(-1) ?? from;
    this.#from = Math.min(from, to);
    this.#to = to;
    this.#width = Math.max(1, (to - this.#from) / Math.max(1, server.bins.length));
    this.#events = server.bins.map(({ events }) => events);
    this.#seqs = server.bins.map(({ seq }) => seq);
    this.#last = server.tip;
    this.#marks = server.marks.slice(0, MAX_MARKS);
    // Bins have to be long enough for the run to go on in them.
    while (this.#events.length > BINS || this.#width < SHORTEST) this.#merge();
  }

  /** Adds an event. Times do not go back. */
  add(seq: number, time: number): void {
    if (seq <= this.#last) return;
    if (this.#last === 0) this.#from = time;
    this.#last = seq;
    this.#to = Math.max(this.#to, time);
    while (this.#to - this.#from >= this.#width * BINS) this.#merge();
    const at = Math.floor((this.#to - this.#from) / this.#width);
    for (let bin = this.#events.length; bin <= at; bin += 1) {
      this.#events.push(0);
      this.#seqs.push(this.#seqs.at(-1) ?? 0);
    }
    this.#events[at] = (this.#events[at] as number) + 1;
    this.#seqs[at] = seq;
  }

  mark(mark: Mark): void {
    if (this.#marks.some(({ seq, kind }) => seq === mark.seq && kind === mark.kind)) return;
    if (this.#marks.length >= MAX_MARKS) {
      const least = this.#marks.findIndex(({ kind }) => kind !== 'failed');
      if (least < 0) return;
      this.#marks.splice(least, 1);
    }
    this.#marks.push(mark);
  }

  /** Takes back what came from `seq` on. The bin that it is in keeps its time. */
  dropFrom(seq: number): void {
    while (this.#seqs.length > 0 && (this.#seqs.at(-2) ?? 0) >= seq - 1) {
      this.#seqs.pop();
      this.#events.pop();
    }
    const at = this.#seqs.length - 1;
    if (at >= 0 && (this.#seqs[at] as number) >= seq) {
      this.#events[at] = Math.max(0, (this.#events[at] as number) - ((this.#seqs[at] as number) - seq + 1));
      this.#seqs[at] = seq - 1;
    }
    this.#last = Math.min(this.#last, seq - 1);
    this.#marks = this.#marks.filter((mark) => mark.seq < seq);
  }

  clear(): void {
    this.#events = [];
    this.#seqs = [];
    this.#marks = [];
    this.#last = 0;
    this.#to = 0;
    this.#width = SHORTEST;
  }

  /** The last event of those that had happened at a time, as far as the bins tell; and where its bin begins and ends. */
  near(time: number): { after: number; until: number; last: boolean } {
    const at = Math.max(0, Math.min(this.#seqs.length - 1, Math.floor((time - this.#from) / this.#width)));
    return { after: this.#seqs[at - 1] ?? 0, until: this.#seqs[at] ?? 0, last: at === this.#seqs.length - 1 };
  }

  get timeline(): Timeline {
    const to = Math.max(this.#to, this.#from + this.#width * this.#events.length);
    const marks = [...this.#marks].sort((one, other) => one.seq - other.seq);
    return { from: this.#from, to, bins: [...this.#events], seqs: [...this.#seqs], marks };
  }

  #merge(): void {
    const [events, seqs]: [number[], number[]] = [[], []];
    for (let at = 0; at < this.#events.length; at += 2) {
      events.push((this.#events[at] as number) + (this.#events[at + 1] ?? 0));
      seqs.push(this.#seqs[at + 1] ?? (this.#seqs[at] as number));
    }
    this.#events = events;
    this.#seqs = seqs;
    this.#width *= 2;
  }
}
