import { warnOnce } from './terminal.js';

/** Lines of an error's stack that are told. */
const STACK_LINES = 6;

/**
 * Calls it, and takes what it throws, or its promise is rejected with: an error of a reporter makes the run fail. The
 * first one of each hook is told.
 */
export function guarded<T>(hook: string, call: () => Promise<T>): Promise<T | undefined> | undefined;
export function guarded<T>(hook: string, call: () => T): T | undefined;
export function guarded<T>(hook: string, call: () => T | Promise<T>): T | Promise<T | undefined> | undefined {
  try {
    const value = call();
    return value instanceof Promise ? value.catch((error: unknown) => tell(hook, error)) : value;
  } catch (error) {
    return tell(hook, error);
  }
}

function tell(hook: string, error: unknown): undefined {
  try {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const head = reason.split('\n').slice(0, STACK_LINES).join('\n');
    warnOnce(`hook ${hook}`, `the reporter failed in ${hook}, and goes on with the next event: ${head}`);
  } catch {
    // Standard error is closed, or the error can't be written down.
  }
  return undefined;
}
