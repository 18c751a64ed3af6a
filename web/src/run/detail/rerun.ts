/** The command that runs a test again. */
import type { TestRow } from '../../model.js';

const SAFE = /^[A-Za-z0-9_@%+=:,./-]+$/;

/**
 * A word of a command line. Double quotes mean the same to every shell as long as nothing in them is special to one; else
 * single quotes, as POSIX has them.
 */
export function quoted(word: string): string {
  if (SAFE.test(word)) return word;
  if (!/["$`!%\u0000-\u001f]|\\(?=[\\]|$)/.test(word)) return `"${word}"`;
  return `'${word.replaceAll('\u0000', '').replaceAll("'", "'\\''")}'`;
}

/** A text as a regular expression that finds it. */
function pattern(text: string): string {
  return text.replace(/[\\^$*+?()[\]{}|.]/g, '\\$&');
}

/** The name of a file, which Playwright takes for a regular expression: a dot finds a dot, too. */
function filePattern(path: string): string {
  return path.replaceAll('\\', '/').replace(/[\\^$*+?()[\]{}|]/g, '\\$&');
}

export interface Rerun {
  text: string;
  /** Whether it is a command. Else it is what is known of the test. */
  isCommand: boolean;
}

/** Playwright's ids of tests: digests of the file, and of project and title. */
const PLAYWRIGHT_ID = /^[0-9a-f]{20}-[0-9a-f]{20}$/;

/** How to run a test again. Of runners that are not known it is the test's place and title. */
export function rerun({ testId, file, line, path, project }: Pick<TestRow, 'testId' | 'file' | 'line' | 'path' | 'project'>): Rerun {
  const place = file === null ? null : line === null ? file : `${file}:${line}`;
  const title = path.join(' ').replace(/\s+/g, ' ').trim();
  if (PLAYWRIGHT_ID.test(testId) || /\.spec\.[cm]?[jt]sx?$/.test(file ?? '')) {
    const words = ['npx playwright test'];
    if (file !== null) words.push(quoted(filePattern(file) + (line === null ? '' : `:${line}`)));
    if (title !== '') words.push(`-g ${quoted(pattern(title))}`);
    if (project) words.push(quoted(`--project=${project}`));
    return { text: words.join(' '), isCommand: true };
  }
  const name = path.at(-1) ?? '';
  if (file?.endsWith('.py') && /^[A-Za-z_]\w*(?:\[.*\])?$/.test(name)) {
    return { text: `pytest ${quoted([file.replaceAll('\\', '/'), ...path.slice(0, -1).filter((part) => /^[A-Z]\w*$/.test(part)), name].join('::'))}`, isCommand: true };
  }
  return { text: [place, path.join(' › ')].filter((part) => part !== null && part !== '').join(' '), isCommand: false };
}
