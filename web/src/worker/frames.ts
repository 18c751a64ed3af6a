/** Pictures of screens: decoded here, and handed over without a copy. */
import type { ScreenFrame } from '@runcast/client';

import type { FromWorker } from '../model.js';
import { timeOf } from './read.js';

type Tell = (message: FromWorker, transfer: Transferable[]) => void;

export class Frames {
  /** Streams of which a picture is being decoded, and the newest one that came meanwhile. */
  readonly #busy = new Map<string, ScreenFrame | null>();
  /** Pictures are wanted. */
  isWanted = true;

  constructor(
    private readonly tell: Tell,
    private readonly now: () => number,
  ) {}

  /** Takes a picture. While one of its stream is being decoded the newest waits, and those before it are dropped. */
  take(frame: ScreenFrame): void {
    if (!this.isWanted || typeof createImageBitmap !== 'function') return;
    if (this.#busy.has(frame.stream)) {
      this.#busy.set(frame.stream, frame);
      return;
    }
    this.#busy.set(frame.stream, null);
    void this.#decode(frame);
  }

  async #decode(frame: ScreenFrame): Promise<void> {
    try {
      const blob = new Blob([frame.bytes as Uint8Array<ArrayBuffer>], { type: frame.contentType });
      const picture = await createImageBitmap(blob);
      const { stream, testId, width, height } = frame;
      if (this.isWanted)
        this.tell(
          { type: 'frame', stream, picture, testId, at: timeOf(frame.timestamp) ?? this.now(), width, height },
          [picture],
        );
      else picture.close();
    } catch {
      // No picture, or a broken one: the next one will do.
    }
    const next = this.#busy.get(frame.stream) ?? null;
    this.#busy.delete(frame.stream);
    if (next !== null) this.take(next);
  }
}
