import { createHash } from 'node:crypto';
import { basename, extname, isAbsolute, join, relative } from 'node:path';

import type { Suite, TestCase, TestResult } from '@playwright/test/reporter';

import type { Content } from './secure.js';

/** The longest name of an artifact, in characters. */
const MAX_NAME = 255;
/** How long Playwright makes the part of a directory's name that says which test it is. */
const MAX_TITLE = 60;
/** The longest name of an attempt's directory here: Playwright sets no limit to the names of projects. */
const MAX_DIRECTORY = 120;
/** The end of a name that `testInfo.attach` gave to its copy of a file: a digest of the original's path. */
const COPY = /^attachments[\\/]([^\\/]+)-[0-9a-f]{40}(\.[^\\/.]*)?$/;

/** Characters that names of artifacts do not have. */
const UNSENDABLE = /[\x00-\x1f\x7f-\x9f]|\p{Surrogate}/gu;

const EXTENSIONS: Record<string, string> = {
  'application/gzip': '.gz',
  'application/javascript': '.js',
  'application/json': '.json',
  'application/pdf': '.pdf',
  'application/x-ndjson': '.ndjson',
  'application/xml': '.xml',
  'application/zip': '.zip',
  'audio/mpeg': '.mp3',
  'image/gif': '.gif',
  'image/jpeg': '.jpg',
  'image/png': '.png',
  'image/svg+xml': '.svg',
  'image/webp': '.webp',
  'text/css': '.css',
  'text/csv': '.csv',
  'text/html': '.html',
  'text/javascript': '.js',
  'text/markdown': '.md',
  'text/plain': '.txt',
  'text/xml': '.xml',
  'video/mp4': '.mp4',
  'video/webm': '.webm',
};

/** What an attempt at a test calls its files. */
interface Attempt {
  /** The directory that Playwright gives to it. */
  outputDir: string;
  /** What its artifacts' names begin with. */
  prefix: string;
  /** Those that are in use, in lower case: some file systems make no difference. */
  taken: Set<string>;
}

/**
 * Names of artifacts, as people look for them: `VARIANT/checkout-pays-chromium-retry1/trace.zip`. The directory is the
 * one of the attempt in Playwright's output; the variant keeps the jobs of a matrix apart, whose tests have the same ids.
 */
export class Names {
  readonly #attempts = new WeakMap<TestResult, Attempt>();
  readonly #variant: string;

  constructor(variant: string) {
    this.#variant = shortened(sanitized(variant), MAX_TITLE) || 'default';
  }

  /** A name for what an attempt attached; a new one each time. */
  of(
    { name, contentType }: { name: string; contentType: string },
    content: Content,
    test: TestCase,
    result: TestResult,
  ) {
    const attempt = this.#attempt(test, result);
    const file = 'body' in content ? named(name, contentType) : placed(attempt.outputDir, content.path);
    return free(attempt, file);
  }

  #attempt(test: TestCase, result: TestResult): Attempt {
    const known = this.#attempts.get(result);
    if (known !== undefined) return known;
    const directory = directoryOf(test, result);
    const outputDir = join(test.parent.project()?.outputDir ?? '', directory);
    const attempt = { outputDir, prefix: `${this.#variant}/${directory}/`, taken: new Set<string>() };
    this.#attempts.set(result, attempt);
    return attempt;
  }
}

/** The name of the directory that Playwright gives to an attempt, in its versions from 1.50 to 1.65. */
function directoryOf(test: TestCase, result: TestResult): string {
  const project = test.parent.project();
  const file = fileOf(test).replace(/\.(spec|test)\.[cm]?[jt]sx?$/, '');
  const place = relative(project?.testDir ?? '', file).replaceAll(/[\\/]/g, '-');
  const title = sanitized(test.titlePath().slice(3).join(' '));
  const parts = [shortened(`${place}-${title}`, MAX_TITLE)];
  if (project?.name) parts.push(sanitized(project.name));
  if (result.retry > 0) parts.push(`retry${result.retry}`);
  if (test.repeatEachIndex > 0) parts.push(`repeat${test.repeatEachIndex}`);
  return shortened(readable(parts.join('-')), MAX_DIRECTORY);
}

/** The file that the test was loaded from; its code may be in another one. */
function fileOf(test: TestCase): string {
  for (let suite: Suite | undefined = test.parent; suite !== undefined; suite = suite.parent) {
    if (suite.type === 'file' && suite.location) return suite.location.file;
  }
  return test.location.file;
}

/** The name of a file within the attempt's directory, or else its own. */
function placed(outputDir: string, path: string): string {
  const within = relative(outputDir, path);
  const copy = COPY.exec(within);
  if (copy) return `${copy[1]}${copy[2] ?? ''}`;
  const isWithin = within !== '' && !within.startsWith('..') && !isAbsolute(within);
  return (isWithin ? within.replaceAll('\\', '/') : basename(path)).replace(UNSENDABLE, '-');
}

/** The name of an attachment, with the extension of its type if it has none. */
function named(name: string, contentType: string): string {
  const file = shortened(readable(name), MAX_TITLE);
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return /\.[a-z0-9]{1,8}$/i.test(file) ? file : `${file}${EXTENSIONS[type] ?? ''}`;
}

/** A name in the attempt's directory that no other file of it has: `screenshot.png`, `screenshot-2.png`. */
function free({ prefix, taken }: Attempt, wanted: string): string {
  const extension = extname(wanted).slice(0, 20);
  const most = MAX_NAME - prefix.length - extension.length - 6;
  const stem = shortened(wanted.slice(0, wanted.length - extname(wanted).length), most);
  for (let number = 1; ; number += 1) {
    const name = `${stem}${number > 1 ? `-${number}` : ''}${extension}`;
    const key = name.toLowerCase();
    if (taken.has(key)) continue;
    taken.add(key);
    return prefix + name;
  }
}

/** As Playwright does it for its directories. */
function sanitized(text: string): string {
  return text.replace(/[\x00-\x2c\x2e-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+/g, '-');
}

/** Without the characters that file systems do not take, or take for something else. */
function readable(text: string): string {
  const name = text
    .replace(UNSENDABLE, '-')
    .replace(/[<>:"/\\|?*]+/g, '-')
    .replace(/[. ]+$/, '');
  return /^\.*$/.test(name) ? 'attachment' : name;
}

/** As Playwright does it: a digest takes the place of the middle. */
function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const middle = `-${createHash('sha1').update(text).digest('hex').slice(0, 5)}-`;
  const start = Math.floor((most - middle.length) / 2);
  return text.slice(0, start) + middle + text.slice(-(most - middle.length - start));
}
