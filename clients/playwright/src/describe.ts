import { relative } from 'node:path';

import type { Location, TestCase, TestError } from '@playwright/test/reporter';

import type { Masker } from './mask.js';

/** An error as events have it. */
export interface ErrorDetails {
  message: string;
  location?: string;
  snippet?: string;
  stack?: string;
}

/** How tests, places and errors are written down. */
export class Descriptions {
  /** What paths are relative to. */
  rootDir: string;

  constructor(
    rootDir: string,
    private readonly masker: Masker,
  ) {
    this.rootDir = rootDir;
  }

  file(path: string): string {
    return relative(this.rootDir, path).replaceAll('\\', '/');
  }

  /** `file:line:column` */
  location(location: Location | undefined): string | undefined {
    return location && `${this.file(location.file)}:${location.line}:${location.column}`;
  }

  /** The titles of the groups that a test is in, and its own. */
  title(test: TestCase): string[] {
    return test.titlePath().slice(3);
  }

  error(error: TestError): ErrorDetails {
    const message = this.masker.text(error.message ?? error.value ?? '');
    const location = this.location(error.location);
    const { snippet, stack } = error;
    return {
      message,
      ...(location !== undefined && { location }),
      ...(snippet !== undefined && { snippet: this.masker.text(snippet) }),
      ...(stack !== undefined && { stack: this.masker.text(stack) }),
    };
  }
}
