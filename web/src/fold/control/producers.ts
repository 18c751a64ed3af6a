/** The producers of a run that have joined as workers, and what they say of themselves. */
import { items, type Members, text, whole } from '../json.js';
import { compareBytes, fits } from '../space.js';
import { isOver, type RunStatus } from '../status.js';
import { parseTime, showTime } from '../timestamp.js';
import { MAX_VARIANT_BYTES, type Variant, variantOfJoining } from '../variant.js';
import { ended, givesWayTo, isOpen, type ProducerState, REPLACED, verdict } from '../verdict.js';
import { shardOf } from '../event.js';
import type { ControlView, ShownProducer } from './view.js';

/** Most producers that are kept. */
const MAX_WORKERS = 1_000;
/** Most kinds of commands that a producer says it obeys, and most bytes of the name of one. */
const [MAX_CAN, MAX_CAN_BYTES] = [64, 64];

/** A producer that has joined. One never changes: a change makes a new one. */
export interface Worker {
  readonly presence: ShownProducer['state'];
  /** What it obeys; undefined: it has not said. */
  readonly can: ReadonlySet<string> | undefined;
  readonly slots: number | undefined;
  readonly variant: Variant | undefined;
  readonly state: ProducerState;
  readonly joinedAt: number;
}

/** Whether commands are for it: it has joined, and not ended. */
export function isLiving({ presence, state }: Worker): boolean {
  return (presence === 'joined' || presence === 'silent') && isOpen(state);
}

/** Whether it obeys commands of this type. One that pauses also goes on. */
export function can(worker: Worker, command: string): boolean {
  const obeys = (type: string) => worker.can?.has(type) ?? true;
  return obeys(command) || (command === 'resume' && obeys('pause'));
}

/** The producers, and the run's status as it follows from theirs. */
export class Workers {
  private all = new Map<string, Worker>();
  status: RunStatus | undefined;

  static from({ producers, control }: ControlView): Workers {
    const workers = new Workers();
    workers.status = control.resume?.status ?? undefined;
    const resumed = new Map(control.resume?.producers.map((one) => [one.producer, one]));
    for (const { producer, state, status, joinedAt, can, slots, variant, shard } of producers) {
      const { joined = true, announced, hasShard = false } = resumed.get(producer) ?? {};
      workers.all.set(producer, {
        presence: state,
        can: can === undefined ? undefined : new Set(can),
        slots,
        variant: variant === undefined ? undefined : { announced: announced ?? variant, name: variant, hasShard },
        state: { joined, status: status ?? undefined, shard },
        joinedAt: parseTime(joinedAt) ?? 0,
      });
    }
    return workers;
  }

  fork(): Workers {
    const copy = new Workers();
    [copy.all, copy.status] = [new Map(this.all), this.status];
    return copy;
  }

  get(producer: string): Worker | undefined {
    return this.all.get(producer);
  }

  living(): [string, Worker][] {
    return [...this.all].filter(([, worker]) => isLiving(worker));
  }

  /** Whether this producer may obey: it has joined, or none has. */
  mayObey(producer: string): boolean {
    const worker = this.all.get(producer);
    return this.all.size === 0 || (worker !== undefined && isLiving(worker));
  }

  private judge(): void {
    this.status = verdict([...this.all.values()].map(({ state }) => state)) ?? this.status;
  }

  private change(id: string, change: Partial<Worker>): void {
    const worker = this.all.get(id);
    if (worker !== undefined) this.all.set(id, { ...worker, ...change });
  }

  /** One joins; the producers that are gone because of it: those that had its shard. */
  join(id: string, event: Members, at: number): string[] {
    if (this.all.size >= MAX_WORKERS && !this.all.has(id)) return [];
    const named = text(event['variant']);
    const announced = named !== undefined && fits(named, MAX_VARIANT_BYTES) ? named : undefined;
    const shard = shardOf(event['shard'], announced);
    const others = this.sorted().filter(([other]) => other !== id);
    const variants = others.flatMap(([, worker]) =>
      worker.variant === undefined ? [] : [{ variant: worker.variant, lives: isLiving(worker) }],
    );
    const variant = variantOfJoining(announced, shard !== undefined, this.all.get(id)?.variant, variants);
    const replaced = others.filter(([, worker]) => givesWayTo(worker.state, shard)).map(([other]) => other);
    for (const other of replaced) this.change(other, { presence: 'left', state: REPLACED });
    const state = { joined: true, status: undefined, shard };
    const slots = whole(event['slots']);
    this.all.set(id, { presence: 'joined', can: canOf(event), slots, variant, state, joinedAt: at });
    this.judge();
    return replaced;
  }

  /** One leaves; whether it was there. */
  leave(id: string): boolean {
    const worker = this.all.get(id);
    if (worker === undefined || !worker.state.joined) return false;
    this.change(id, { state: ended(worker.state), presence: 'left' });
    this.judge();
    return true;
  }

  /** The server says how one stands; whether it obeys no more because of it. */
  stands(id: string, status: string): boolean {
    const worker = this.all.get(id);
    if (worker === undefined || !isLiving(worker)) return false;
    if (status === 'silent') this.change(id, { presence: 'silent' });
    if (status === 'back') this.change(id, { presence: 'joined' });
    if (status === 'lost') this.change(id, { presence: 'lost' });
    return status === 'lost';
  }

  /** One has posted a control event. */
  heard(id: string): void {
    if (this.all.get(id)?.presence === 'silent') this.change(id, { presence: 'joined' });
  }

  /** One reports its status, or, without workers, anybody; whether a worker has ended with it. */
  report(id: string, status: RunStatus): boolean {
    if (this.all.size === 0) this.status = status;
    const worker = this.all.get(id);
    if (worker === undefined || !worker.state.joined) return false;
    this.change(id, { state: { ...worker.state, status } });
    this.judge();
    return isOver(status);
  }

  /** The server's word is the run's status, and ends all producers. */
  setStatus(status: RunStatus): void {
    if (isOver(status)) {
      for (const [id, { state }] of this.all) if (state.joined) this.change(id, { state: ended(state) });
    }
    this.status = status;
  }

  /** The run has ended: nobody obeys any more. */
  end(): void {
    for (const [id, { presence, state }] of this.all) {
      const isThere = presence === 'joined' || presence === 'silent';
      if (isThere && (isOpen(state) || !state.joined)) this.change(id, { presence: 'left' });
    }
  }

  /** Shards that have not joined are waited for no more. */
  giveUpShards(): void {
    for (const [id, { state }] of this.all) this.change(id, { state: { ...state, shard: undefined } });
    // How a run ended may be the server's word.
    if (!isOver(this.status)) this.judge();
  }

  private sorted(): [string, Worker][] {
    return [...this.all].sort(([one], [other]) => compareBytes(one, other));
  }

  shown(): ShownProducer[] {
    return this.sorted().map(([producer, { presence, can, slots, variant, state, joinedAt }]) => {
      const shown: ShownProducer = {
        producer,
        state: presence,
        status: state.status ?? null,
        joinedAt: showTime(joinedAt),
      };
      if (can !== undefined) shown.can = [...can].sort(compareBytes);
      if (slots !== undefined) shown.slots = slots;
      if (variant !== undefined) shown.variant = variant.name;
      if (state.shard !== undefined) shown.shard = state.shard;
      return shown;
    });
  }
}

function canOf(event: Members): ReadonlySet<string> | undefined {
  if (!Array.isArray(event['can'])) return undefined;
  const names = items(event['can']).flatMap((name) => text(name) ?? []);
  return new Set(names.filter((name) => fits(name, MAX_CAN_BYTES)).slice(0, MAX_CAN));
}
