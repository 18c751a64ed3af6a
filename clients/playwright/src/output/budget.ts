/** Output that was left out goes on when there is room for so many bytes again. */
const RESUME_BYTES = 32_768;

/** Bytes that may be posted: a bucket that fills by the second. */
export class OutputBudget {
  #bytes: number;
  #since: number;

  /** `now` in milliseconds. */
  constructor(
    private readonly bytesPerSec: number,
    private readonly burstBytes: number,
    now: number,
  ) {
    this.#bytes = burstBytes;
    this.#since = now;
  }

  /** Bytes that may be posted now. */
  at(now: number): number {
    const filled = ((now - this.#since) / 1_000) * this.bytesPerSec;
    if (filled >= 1) {
      this.#bytes = Math.min(this.burstBytes, this.#bytes + filled);
      this.#since = now;
    }
    return this.#bytes;
  }

  take(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Whether there is so much room that it is worth to go on. */
  isRoomy(now: number): boolean {
    return this.at(now) >= Math.min(RESUME_BYTES, this.burstBytes / 2);
  }
}
