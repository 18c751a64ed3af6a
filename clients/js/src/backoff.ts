/** Pauses between attempts: full jitter, from 0.25 s doubling up to 10 s. */
export class Backoff {
  #attempts = 0;

  constructor(
    readonly minMs = 250,
    readonly maxMs = 10_000,
    private readonly random: () => number = Math.random,
  ) {}

  /** The next pause in milliseconds: anything up to `minMs * 2^attempts`, at most `maxMs`, but at least `atLeastMs`. */
  next(atLeastMs = 0): number {
    const most = Math.min(this.maxMs, this.minMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return atLeastMs + this.random() * most;
  }

  /** The next pause is a short one again. */
  reset(): void {
    this.#attempts = 0;
  }
}

/** Waits; rejects with the signal's reason when it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', aborted);
      resolve();
    }, ms);
    signal?.addEventListener('abort', aborted, { once: true });
  });
}
