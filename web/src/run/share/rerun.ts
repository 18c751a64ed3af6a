/** One command that runs all failed tests again. Pure. */
import type { TestRow } from '../../model.js';
import { quoted } from './quote.js';

type Told = Pick<TestRow, 'testId' | 'file' | 'line' | 'path' | 'project' | 'status' | 'outcome'>;

/** Longest command, in characters: it is to be copied into a terminal. */
const LONGEST = 4_000;

/** Playwright's ids of tests: digests of the file, and of project and title. */
const PLAYWRIGHT_ID = /^[0-9a-f]{20}-[0-9a-f]{20}$/;

export interface RerunAll {
  text: string;
  /** Number of tests that it is for. */
  tests: number;
  /** Whether it is a command. Else it is a list of places, one a line. */
  isCommand: boolean;
  /** It runs more than those tests: which, in words. */
  also: string | null;
}

/** Whether a test is among those that failed: an attempt that was flaky is not. */
export function hasFailed({ status, outcome }: Pick<TestRow, 'status' | 'outcome'>): boolean {
  return outcome === 'unexpected' || (outcome === null && (status === 'failed' || status === 'timedout'));
}

/** The command for the failed tests; null: none has failed. */
export function rerunFailed(tests: Iterable<Told>): RerunAll | null {
  const failed = [...tests].filter(hasFailed);
  if (failed.length === 0) return null;
  return playwright(failed) ?? pytest(failed) ?? places(failed);
}

/** Playwright takes the names of files as regular expressions. */
function pattern(path: string): string {
  return path.replaceAll('\\', '/').replace(/[\\^$*+?()[\]{}|]/g, '\\$&');
}

function playwright(failed: readonly Told[]): RerunAll | null {
  const isPlaywright = ({ testId, file }: Told) => file !== null && (PLAYWRIGHT_ID.test(testId) || /\.(?:spec|test)\.[cm]?[jt]sx?$/.test(file));
  if (!failed.every(isPlaywright)) return null;
  const projects = [...new Set(failed.map(({ project }) => project ?? ''))];
  const chosen = projects.includes('') ? [] : projects.map((name) => quoted(`--project=${name}`));
  const byLine = [...new Set(failed.map(({ file, line }) => quoted(pattern(file!) + (line === null ? '' : `:${line}`))))];
  const byFile = [...new Set(failed.map(({ file }) => quoted(pattern(file!))))];
  const command = (names: readonly string[]) => ['npx playwright test', ...names, ...chosen].join(' ');
  const isShort = command(byLine).length <= LONGEST;
  const text = isShort ? command(byLine) : command(byFile);
  const perProject = new Set(failed.map(({ file, line, project }) => `${file}:${line}\n${project}`)).size < byLine.length * projects.length;
  const also = !isShort ? 'It runs all tests of their files.' : projects.length > 1 && perProject ? 'It runs each of them in all of these projects.' : null;
  return { text, tests: failed.length, isCommand: true, also };
}

function pytest(failed: readonly Told[]): RerunAll | null {
  const names: string[] = [];
  for (const { file, path } of failed) {
    const name = path.at(-1) ?? '';
    if (file === null || !file.endsWith('.py') || !/^[A-Za-z_]\w*(?:\[.*\])?$/.test(name)) return null;
    names.push(quoted([file.replaceAll('\\', '/'), ...path.slice(0, -1).filter((part) => /^[A-Z]\w*$/.test(part)), name].join('::')));
  }
  return { text: `pytest ${[...new Set(names)].join(' ')}`, tests: failed.length, isCommand: true, also: null };
}

function places(failed: readonly Told[]): RerunAll {
  const lines = failed.map(({ file, line, path }) => [file === null ? '' : line === null ? file : `${file}:${line}`, path.join(' › ')].filter((part) => part !== '').join(' '));
  return { text: lines.join('\n'), tests: failed.length, isCommand: false, also: null };
}
