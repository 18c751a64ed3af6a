/** How many people watch: asked for again and again, the more of them the more seldom. */
import type { Http } from './http.js';

/** Between two requests, in milliseconds: at least, and for each viewer. */
const LEAST_MS = 15_000;
const PER_VIEWER_MS = 10;

export class Viewers {
  /** On all nodes; null: not known. */
  count: number | null = null;
  /** Nobody is to be asked while the page is not seen. */
  isVisible = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(
    private readonly http: Http,
    private readonly changed: () => void,
  ) {}

  start(): void {
    void this.#ask();
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    if (this.isVisible) {
      try {
        const { viewers } = await this.http.json<{ viewers: number | null }>('/viewers');
        if (viewers !== this.count) this.changed();
        this.count = viewers;
      } catch {
        // No run yet, or no server: the next time.
      }
    }
    if (this.#isOver) return;
    this.#timer = setTimeout(() => void this.#ask(), Math.max(LEAST_MS, (this.count ?? 0) * PER_VIEWER_MS));
  }
}
