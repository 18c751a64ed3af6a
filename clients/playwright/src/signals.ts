import { constants } from 'node:os';

/** What a process owes before it ends without Playwright's `onEnd`. */
export interface Ending {
  /**
   * A signal ends the process: tells of it, within `withinMs` milliseconds, and keeps what can't be told. Does not
   * reject. `isSure`: nobody else listens to the signal, so the process does not go on.
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
  const isSure = process.listenerCount(signal) === 1;
  // As long as Playwright listens, it ends the run by itself, or still ignores further ones.
  if (signal === 'SIGINT' && !isSure) return;
  if (isDying) {
    exited();
    raise(signal);
    return;
  }
  isDying = true;
  const died = [...open].map((ending) => ending.die(WITHIN_MS[signal], isSure));
  void Promise.all(died).then(() => raise(signal));
}

/** Lets the signal do what it would have done. */
function raise(signal: Signal): void {
  if (!isDying) return;
  isDying = false;
  listenNoMore();
  const isSure = process.listenerCount(signal) === 0;
  process.kill(process.pid, signal);
  if (isSure) setTimeout(() => process.exit(128 + constants.signals[signal]), RAISED_MS);
}
