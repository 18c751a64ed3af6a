import { constants } from 'node:os';

/** What a process owes before it ends without Playwright's `onEnd`. */
export interface Ending {
  /**
   * A signal ends the process: tells of it, within `withinMs` milliseconds, and keeps what can't be told. Does not
   * reject. `isSure`: false if somebody else listens to the signal, who may let the process go on.
   */
  die(withinMs: number, isSure: boolean): Promise<void>;
  /** The process ends now: keeps what is left. Does not throw. */
  exit(): void;
}

/** The signals that end a process, and how long it may take then, in milliseconds. */
const WITHIN_MS = {
  SIGTERM: 1_500,
  SIGHUP: 1_500,
  // Playwright obeys the first one by itself; at the second one people wait for their prompt.
  SIGINT: 300,
};
type Signal = keyof typeof WITHIN_MS;
const SIGNALS = Object.keys(WITHIN_MS) as Signal[];

/** How long a signal may take to end the process, in milliseconds. Init (PID 1) is not ended by those that it sends itself. */
const RAISED_MS = 200;

const open = new Set<Ending>();
let isDying = false;

/**
 * Has it told when the process ends by a signal or `process.exit()`, until the function is called that is returned. The
 * process ends as it would have: by the same signal, unless others listen to it.
 */
export function atEnd(ending: Ending): () => void {
  if (open.size === 0) {
    for (const signal of SIGNALS) process.on(signal, signalled);
    // Before the publisher's own, which writes what is left into a file.
    process.prependListener('exit', exited);
  }
  open.add(ending);
  return () => {
    if (!open.delete(ending) || open.size > 0) return;
    listenNoMore();
    process.off('exit', exited);
  };
}

function listenNoMore(): void {
  for (const signal of SIGNALS) process.off(signal, signalled);
}

function exited(): void {
  for (const ending of open) ending.exit();
}

/** `signal` is missing when somebody calls `process.emit('SIGINT')` to cancel the run. */
function signalled(signal?: Signal): void {
  if (signal === undefined) return;
  const isSure = !isWanted(signal, 1);
  // As long as Playwright listens, it ends the run by itself, or still ignores further ones.
  if (signal === 'SIGINT' && !isSure) return;
  if (isDying) {
    if (!isSure) return;
    exited();
    raise(signal);
    return;
  }
  isDying = true;
  const died = [...open].map((ending) => ending.die(WITHIN_MS[signal], isSure));
  void Promise.all(died).then(() => raise(signal));
}

/** Whether somebody else listens to the signal, so that it would not have ended the process; `ours`: listeners of our own. */
function isWanted(signal: Signal, ours: number): boolean {
  // The package signal-exit raises it again, if nobody but its copies listens.
  const emitters = [
    Reflect.get(process, '__signal_exit_emitter__'),
    Reflect.get(globalThis, Symbol.for('signal-exit emitter')),
  ];
  const copies = emitters.reduce((sum, emitter) => sum + (Number(emitter?.count) || 0), 0);
  return process.listenerCount(signal) > ours + copies;
}

/** Lets the signal do what it would have done. */
function raise(signal: Signal): void {
  if (!isDying) return;
  isDying = false;
  listenNoMore();
  // Others have got it, and decide.
  if (isWanted(signal, 0)) return;
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(128 + constants.signals[signal]), RAISED_MS);
}
