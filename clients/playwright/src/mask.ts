import type { TestStep } from '@playwright/test/reporter';

import type { MaskOptions } from './options.js';

/** What stands in the place of a secret. */
export const MASK = '***';

/** The words of a step that may have secrets. */
export interface StepWords {
  title: string;
  subtitle?: string;
  params?: Record<string, unknown>;
}

/** Makes secrets unreadable in what leaves the process. */
export class Masker {
  constructor(options: MaskOptions, env: NodeJS.ProcessEnv) {
    void [options, env];
  }

  /** The text without secrets. */
  text(text: string): string {
    return text;
  }

  /** The words of a step without the secrets that are typed in it; from then on they are masked everywhere. */
  step(step: TestStep): StepWords {
    const { title, subtitle, params } = step as TestStep & { subtitle?: string };
    return { title, ...(subtitle && { subtitle }), ...(params && { params }) };
  }

  /** Masks a text that comes in pieces, across their borders. */
  stream(): MaskStream {
    return { write: (piece) => piece, end: () => '' };
  }
}

/** A text that comes in pieces. What may be the beginning of a secret is held back until more comes. */
export interface MaskStream {
  write(piece: string): string;
  /** What was held back. */
  end(): string;
}
