import { relative } from 'node:path';

import type { Location, TestCase, TestError } from '@playwright/test/reporter';

import { cutTo, firstOf, TITLE_CHARS } from './fit.js';
import type { Masker } from './mask.js';

/** Bytes of all errors of an event. */
const ERRORS_BYTES = 147_456;
/** Bytes of all annotations of an event. */
const ANNOTATIONS_BYTES = 32_768;
/** Characters of parts of an error, each of which has six bytes at most: one error fits. */
const MESSAGE_CHARS = 12_288;
const STACK_CHARS = 6_144;
const SNIPPET_CHARS = 3_072;
/** How deep causes of causes are followed. */
const CAUSES = 10;

/** An error as events have it. */
export interface ErrorDetails {
  message: string;
  location?: string;
  snippet?: string;
  stack?: string;
}

/** What the author of a test says about it. */
export interface AnnotationDetails {
  type: string;
  description?: string;
}

type Annotations = readonly { type: string; description?: string }[];

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
    // Before them stand the root, the project and the file.
    return test
      .titlePath()
      .slice(3)
      .map((title) => this.#text(title, TITLE_CHARS));
  }

  annotations(annotations: Annotations): AnnotationDetails[] {
    const make = ({ type, description }: Annotations[number]) => ({
      type: cutTo(type, TITLE_CHARS),
      ...(description !== undefined && { description: this.#text(description, TITLE_CHARS) }),
    });
    return firstOf<Annotations[number], AnnotationDetails>(annotations, ANNOTATIONS_BYTES, make, (more) => ({
      type: `${more} more`,
    }));
  }

  errors(errors: readonly TestError[]): ErrorDetails[] {
    return firstOf(
      errors,
      ERRORS_BYTES,
      (error) => this.error(error),
      (more) => ({ message: `${more} more errors` }),
    );
  }

  error(error: TestError): ErrorDetails {
    const location = this.location(error.location);
    const { snippet } = error;
    const stack = stackOf(error);
    return {
      message: this.#text(messageOf(error), MESSAGE_CHARS),
      ...(location !== undefined && { location }),
      ...(snippet !== undefined && { snippet: this.#text(snippet, SNIPPET_CHARS) }),
      ...(stack !== undefined && { stack: this.#text(stack, STACK_CHARS) }),
    };
  }

  /** A text without secrets, as long as it may be. A secret may reach across the place where it is cut. */
  #text(text: string, most: number): string {
    return cutTo(this.masker.text(text, 2 * most), most, text.length);
  }
}

/** What went wrong, and why: an error may have another one as its cause. */
function messageOf(error: TestError, depth = 0): string {
  const message = error.message ?? error.value ?? '';
  if (!error.cause || depth === CAUSES) return message;
  return `${message}\n[cause]: ${messageOf(error.cause, depth + 1)}`;
}

function stackOf(error: TestError, depth = 0): string | undefined {
  const { stack, cause } = error;
  if (stack === undefined || !cause || depth === CAUSES) return stack;
  return `${stack}\n[cause]: ${stackOf(cause, depth + 1) ?? messageOf(cause)}`;
}
