/** The status of a run that several producers report to, from how each of them stands. */
import { isOver, type RunStatus } from './status.js';
import type { Shard } from './view.js';

/** How a producer stands in a run, once it has joined as a worker. */
export interface ProducerState {
  /** It has joined and not left since. */
  readonly joined: boolean;
  /** The last `run_status` that it posted since it joined. */
  readonly status: RunStatus | undefined;
  /** The shard that it runs, while the others are waited for. */
  readonly shard: Shard | undefined;
}

/** After another producer has taken its place. */
export const REPLACED: ProducerState = { joined: false, status: undefined, shard: undefined };

/** It runs: the run waits for it. */
export function isOpen(state: ProducerState): boolean {
  return state.joined && !isOver(state.status);
}

/** The same after the producer has left, or the server has ended the run. */
export function ended(state: ProducerState): ProducerState {
  return { joined: false, status: isOpen(state) ? 'interrupted' : state.status, shard: state.shard };
}

/** Whether another producer that joins with `shard` takes its place. */
export function givesWayTo(state: ProducerState, shard: Shard | undefined): boolean {
  const own = state.shard;
  if (shard === undefined || own === undefined || !isOpen(state)) return false;
  return own.variant === shard.variant && own.current === shard.current && own.total === shard.total;
}

/** How bad an end is, the worst last. */
const BADNESS: Partial<Record<RunStatus, number>> = {
  passed: 1,
  cancelled: 2,
  interrupted: 3,
  lost: 4,
  timedout: 5,
  failed: 6,
};

/** How far a producer that runs has got, the furthest last. */
const PROGRESS: Partial<Record<RunStatus, number>> = { queued: 0, stalled: 1, paused: 2 };

/** The last of those with the highest rank. */
function highest(statuses: readonly RunStatus[], rank: (status: RunStatus) => number): RunStatus | undefined {
  let found: RunStatus | undefined;
  for (const status of statuses) if (found === undefined || rank(status) >= rank(found)) found = status;
  return found;
}

/** Whether a shard was announced that has not joined, in any variant. */
export function waitsForShards(states: readonly ProducerState[]): boolean {
  const variants = new Map<string | undefined, { total: number; seen: Set<number> }>();
  for (const { shard } of states) {
    if (shard === undefined) continue;
    const known = variants.get(shard.variant) ?? { total: 0, seen: new Set<number>() };
    known.total = Math.max(known.total, shard.total);
    known.seen.add(shard.current);
    variants.set(shard.variant, known);
  }
  return [...variants.values()].some(({ total, seen }) => seen.size < total);
}

/** The run's status, from how its producers stand, in the order of their ids; undefined when none has joined. */
export function verdict(states: readonly ProducerState[]): RunStatus | undefined {
  if (states.length === 0) return undefined;
  const told = (some: readonly ProducerState[]) =>
    some.map(({ status }) => status).filter((status) => status !== undefined);
  const open = states.filter(isOpen);
  const badness = (status: RunStatus) => BADNESS[status] ?? 0;
  if (open.length === 0 && !waitsForShards(states)) return highest(told(states), badness);
  if (told(states).some((status) => status === 'failing' || badness(status) >= 5)) return 'failing';
  return highest(told(open), (status) => PROGRESS[status] ?? 3) ?? 'running';
}
