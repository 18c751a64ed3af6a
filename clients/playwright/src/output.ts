import type { NewEvent } from '@runcast/client';

import type { Masker } from './mask.js';

/** What tests and their tools write, as `log` events. */
export class Output {
  constructor(
    private readonly masker: Masker,
    private readonly emit: (event: NewEvent) => void,
  ) {}

  write(stream: 'stdout' | 'stderr', chunk: string | Buffer, testId?: string, attempt?: number): void {
    const text = this.masker.text(chunk.toString());
    this.emit({ type: 'log', ...(testId !== undefined && { testId, attempt }), stream, text });
  }

  /** Posts what is held back of an attempt at a test, or of everything. */
  flush(_testId?: string, _attempt?: number): void {}
}
