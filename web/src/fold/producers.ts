/** The producers of a run that have joined: what they make of the run's status, its variants and shards. */
import { compareBytes } from './space.js';
import { isOver, type RunStatus } from './status.js';
import { type Variant, variantOfEvent, variantOfJoining } from './variant.js';
import { ended, givesWayTo, isOpen, type ProducerState, REPLACED, verdict } from './verdict.js';
import type { Resume, Shard, ShownShards } from './view.js';

/** Most producers that are kept. */
const MAX_PRODUCERS = 1_000;
/** Most shards that are listed as missing, and most variants that are listed with their shards. */
const MAX_LISTED = 100;

/** Numbers of tests and of test workers that were announced. */
export interface Announced {
  readonly total: number | undefined;
  readonly workers: number | undefined;
}

const NOTHING: Announced = { total: undefined, workers: undefined };

/** How one stands. One never changes: a change makes a new one. */
interface RunProducer {
  readonly state: ProducerState;
  readonly variant: Variant | undefined;
  /** The shard that it runs, also when the others are not waited for any more. */
  readonly shard: Shard | undefined;
  /** The server has given it up. */
  readonly isLost: boolean;
  readonly told: Announced;
}

const isLiving = (one: RunProducer) => !one.isLost && isOpen(one.state);

const followedBy = (told: Announced, later: Announced): Announced => ({
  total: later.total ?? told.total,
  workers: later.workers ?? told.workers,
});

/** How the producers stand that have joined, and the run with them. */
export class RunProducers {
  private all = new Map<string, RunProducer>();
  status: RunStatus | undefined;
  /** What those have told who have not joined. */
  private told = NOTHING;

  static from(status: RunStatus | null, resume: Resume | undefined): RunProducers {
    const producers = new RunProducers();
    producers.status = status ?? undefined;
    producers.told = { total: resume?.told.total, workers: resume?.told.workers };
    for (const one of resume?.producers ?? []) {
      producers.all.set(one.producer, {
        state: { joined: one.joined, status: one.status, shard: one.awaits },
        variant: one.variant,
        shard: one.shard,
        isLost: one.lost ?? false,
        told: { total: one.total, workers: one.workers },
      });
    }
    return producers;
  }

  fork(): RunProducers {
    const copy = new RunProducers();
    [copy.all, copy.status, copy.told] = [new Map(this.all), this.status, this.told];
    return copy;
  }

  /** The variant that an event belongs to. `producer`: whom it is stamped with; `own`: what it names itself. */
  variantOf(producer: string | undefined, own: string | undefined): string | undefined {
    const joined = producer === undefined ? undefined : this.all.get(producer)?.variant;
    return joined === undefined ? own : variantOfEvent(joined, own);
  }

  /** Whether this producer had joined, and has ended, left, or was given up. */
  isGone(producer: string): boolean {
    const one = this.all.get(producer);
    return one !== undefined && !isLiving(one);
  }

  /** What all of them have announced together; before any has joined, what was announced last. */
  announced(): Announced {
    const sum = (name: keyof Announced) => {
      let sum: number | undefined;
      for (const { told } of this.all.values()) {
        const one = told[name];
        if (one !== undefined) sum = Math.min((sum ?? 0) + one, Number.MAX_SAFE_INTEGER);
      }
      return sum ?? this.told[name];
    };
    return { total: sum('total'), workers: sum('workers') };
  }

  /** One announces how much it has to do. */
  announce(producer: string | undefined, told: Announced): void {
    const known = producer === undefined ? undefined : this.all.get(producer);
    if (producer === undefined || known === undefined) this.told = followedBy(this.told, told);
    else this.all.set(producer, { ...known, told: followedBy(known.told, told) });
  }

  /** One joins, with the variant and the shard that it announces; whether that counts. */
  joined(producer: string, announced: string | undefined, shard: Shard | undefined): boolean {
    const before = this.all.get(producer);
    if (before === undefined && this.all.size >= MAX_PRODUCERS) return false;
    const others = this.sorted().flatMap(([id, one]) =>
      id === producer || one.variant === undefined ? [] : [{ variant: one.variant, lives: isLiving(one) }],
    );
    const variant = variantOfJoining(announced, shard !== undefined, before?.variant, others);
    this.update(
      (one) => givesWayTo(one.state, shard),
      (one) => ({ ...one, state: REPLACED, told: NOTHING }),
    );
    const state = { joined: true, status: undefined, shard };
    this.all.set(producer, { state, variant, shard, isLost: false, told: NOTHING });
    this.judge();
    return true;
  }

  /** One leaves; whether that counts. */
  left(producer: string): boolean {
    const one = this.all.get(producer);
    if (one === undefined || !one.state.joined) return false;
    this.all.set(producer, { ...one, state: ended(one.state) });
    this.judge();
    return true;
  }

  /** The server has given one up. */
  lost(producer: string): void {
    const one = this.all.get(producer);
    if (one !== undefined && isLiving(one)) this.all.set(producer, { ...one, isLost: true });
  }

  /** A `run_status`; whether it counts. Without a producer: the server's own, or one that is older than workers. */
  posted(producer: string | undefined, status: RunStatus): boolean {
    if (producer === undefined || this.all.size === 0) {
      this.update(
        (one) => one.state.joined,
        (one) => ({ ...one, state: ended(one.state) }),
      );
      this.status = status;
      return true;
    }
    const one = this.all.get(producer);
    if (one === undefined || !one.state.joined) return false;
    this.all.set(producer, { ...one, state: { ...one.state, status } });
    this.judge();
    return true;
  }

  /** Shards that have not joined are not waited for any more; whether that counts. */
  giveUpShards(): boolean {
    this.update(
      () => true,
      (one) => ({ ...one, state: { ...one.state, shard: undefined } }),
    );
    if (isOver(this.status)) return false;
    this.judge();
    return true;
  }

  /** The shards of each variant. */
  shards(): ShownShards[] {
    const variants = new Map<string | undefined, { total: number; joined: Set<number>; isWaitedFor: boolean }>();
    for (const { shard, variant, state } of this.all.values()) {
      if (shard === undefined) continue;
      const known = variants.get(variant?.name) ?? { total: 0, joined: new Set<number>(), isWaitedFor: false };
      known.total = Math.max(known.total, shard.total);
      known.joined.add(shard.current);
      known.isWaitedFor ||= state.shard !== undefined;
      variants.set(variant?.name, known);
    }
    const sorted = [...variants].sort(([one], [other]) => compareBytes(one ?? '', other ?? ''));
    return sorted.slice(0, MAX_LISTED).map(([variant, { total, joined, isWaitedFor }]) => {
      const missing: number[] = [];
      for (let shard = 1; shard <= total && missing.length < MAX_LISTED; shard += 1) {
        if (!joined.has(shard)) missing.push(shard);
      }
      const waiting = isWaitedFor && !isOver(this.status) && missing.length > 0;
      const shown = { total, joined: joined.size, missing, waiting };
      return variant === undefined ? shown : { variant, ...shown };
    });
  }

  private update(wanted: (one: RunProducer) => boolean, change: (one: RunProducer) => RunProducer): void {
    for (const [id, one] of this.all) if (wanted(one)) this.all.set(id, change(one));
  }

  private sorted(): [string, RunProducer][] {
    return [...this.all].sort(([one], [other]) => compareBytes(one, other));
  }

  private judge(): void {
    this.status = verdict([...this.all.values()].map(({ state }) => state)) ?? this.status;
  }
}
