/** Something that must be brought to an end with the process. */
export interface Exiting {
  /** Nothing is left to do but this: it may take its time. */
  beforeExit(): void;
  /** The process ends now: what is not done within this call is lost. */
  exit(): void;
}

/** The part of Node's `process` that is needed. */
interface NodeProcess {
  on(event: 'beforeExit' | 'exit', listener: () => void): NodeProcess;
  off(event: 'beforeExit' | 'exit', listener: () => void): NodeProcess;
}

const open = new Set<Exiting>();

function nodeProcess(): NodeProcess | undefined {
  const found = (globalThis as { process?: NodeProcess & { versions?: { node?: string } } }).process;
  return found?.versions?.node === undefined ? undefined : found;
}

const beforeExit = () => open.forEach((each) => each.beforeExit());
const exit = () => open.forEach((each) => each.exit());

/** Calls it when the Node.js process ends, until the function is called that is returned. */
export function atExit(exiting: Exiting): () => void {
  const process = nodeProcess();
  if (process === undefined) return () => {};
  if (open.size === 0) process.on('beforeExit', beforeExit).on('exit', exit);
  open.add(exiting);
  return () => {
    if (open.delete(exiting) && open.size === 0) process.off('beforeExit', beforeExit).off('exit', exit);
  };
}

/** A timer that keeps no process alive. */
export function setQuietTimeout(callback: () => void, ms: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, ms);
  (timer as { unref?: () => void }).unref?.();
  return timer;
}

/** Keeps the process alive until the function is called that is returned. */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, 1 << 30);
  return () => clearInterval(timer);
}

/** Waits, and keeps no process alive; ends early when the signal aborts. */
export function quietSleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setQuietTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
