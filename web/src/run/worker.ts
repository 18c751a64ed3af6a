/** The page's end of the line to its worker. */
import type { Calls, FromWorker, ToWorker } from '../model.js';
import { scriptUrl } from '../ui/trusted.js';
import { receive } from './store.js';

/** The worker refused a call. */
export class Refusal extends Error {
  override name = 'Refusal';
  constructor(
    /** A stable word: `lease_held` for instance. */
    readonly code: string,
    /** The same for people. */
    readonly detail: string,
    readonly members: Record<string, unknown>,
  ) {
    super(`${code}: ${detail}`);
  }
}

type Frame = Extract<FromWorker, { type: 'frame' }>;

const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Refusal) => void }>();
const watchers = new Set<(frame: Frame) => void>();
let calls = 0;
let worker: Worker | null = null;

/** Starts the worker. */
export function start(): void {
  const started = new Worker(scriptUrl('worker') as string, { type: 'module' });
  worker = started;
  started.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
    if (data.type === 'frame') {
      for (const watcher of watchers) watcher(data);
      if (watchers.size === 0) data.picture.close();
    } else if (data.type === 'answer' || data.type === 'refusal') {
      const call = waiting.get(data.id);
      waiting.delete(data.id);
      if (data.type === 'answer') call?.resolve(data.value as never);
      else call?.reject(new Refusal(data.code, data.detail, data.members));
    } else {
      receive(data);
    }
  });
}

/** Tells the worker. */
export function tell(message: ToWorker): void {
  worker?.postMessage(message);
}

/** Asks the worker. Rejects with a {@link Refusal}. */
export function call<M extends keyof Calls>(method: M, params: Calls[M][0]): Promise<Calls[M][1]> {
  return new Promise((resolve, reject) => {
    calls += 1;
    waiting.set(calls, { resolve: resolve as (value: never) => void, reject });
    tell({ type: 'call', id: calls, method, params });
  });
}

/** Is called with each picture of a screen; whoever draws it last closes it. Returns what ends it. */
export function onFrame(watcher: (frame: Frame) => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
