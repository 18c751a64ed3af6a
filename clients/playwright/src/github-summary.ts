import { appendFileSync, statSync } from 'node:fs';
import { relative } from 'node:path';

import type { FailedTest, Results } from './results.js';

/** GitHub takes so many bytes of a step, all together. */
const MAX_BYTES = 1024 * 1024;
/** Tests that are named; the page has all of them. */
const MAX_TESTS = 20;
/** Longest line of an error, in characters. */
const MAX_ERROR = 300;

/** What a summary tells. */
export interface Summary {
  results: Results;
  /** The page of the run. */
  page: string;
  /** The variant, and the shard. */
  job: string;
  rerun: string | undefined;
  rootDir: string;
}

/** Adds the summary to the file that GitHub shows it from. Never throws: without it the run is the same. */
export function appendSummary(file: string | undefined, summary: Summary): void {
  if (file === undefined || file === '') return;
  try {
    const text = markdown(summary);
    const had = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (had + Buffer.byteLength(text) <= MAX_BYTES) appendFileSync(file, text);
  } catch {
    // GitHub's file is missing, or can't be written to.
  }
}

/** The summary in GitHub's Markdown. */
export function markdown({ results, page, job, rerun, rootDir }: Summary): string {
  const { passed, failed, flaky, skipped, missing, errors, status } = results;
  const mark = status === 'passed' ? '✅' : '❌';
  const parts = [
    `### ${mark} Playwright: ${cell(job)}`,
    `[Watch the run](${page}) with its steps, output and traces.`,
    [
      '| passed | failed | flaky | skipped | did not run |',
      '|---:|---:|---:|---:|---:|',
      `| ${passed} | ${failed.length} | ${flaky.length} | ${skipped} | ${missing} |`,
    ].join('\n'),
  ];
  if (errors.length > 0) parts.push(errors.map((error) => `- ${cell(error.slice(0, MAX_ERROR))}`).join('\n'));
  if (failed.length > 0) parts.push(table('failed', failed, rootDir));
  if (flaky.length > 0) parts.push(table('flaky', flaky, rootDir));
  if (rerun !== undefined) parts.push(`Run what failed once more:\n\n\`\`\`sh\n${rerun}\n\`\`\``);
  return `${parts.join('\n\n')}\n\n`;
}

function table(what: string, tests: FailedTest[], rootDir: string): string {
  const rows = tests.slice(0, MAX_TESTS).map(({ title, project, file, line, error }) => {
    const place = `${relative(rootDir, file).replaceAll('\\', '/')}:${line}`;
    const name = project === '' ? title : `${title} [${project}]`;
    return `| ${cell(name)} | ${cell(place)} | ${cell(error.split('\n', 1)[0]?.slice(0, MAX_ERROR) ?? '')} |`;
  });
  const more = tests.length > MAX_TESTS ? `\n\nand ${tests.length - MAX_TESTS} more ${what} tests` : '';
  return `| ${what} | where | error |\n|---|---|---|\n${rows.join('\n')}${more}`;
}

/** A text that is nothing but text in a cell of a table. */
function cell(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/[\\`*_[\]|~#@]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
