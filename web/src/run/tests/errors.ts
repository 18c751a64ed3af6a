/** An error in two lines. */
import { plain } from '../../ui/format.js';

export interface ErrorLines {
  /** What went wrong. */
  message: string;
  /** The locator that it went wrong with, or the next thing that the error says. */
  about: string | null;
}

/** Characters of an error that are looked at. */
const READ = 8_000;
const NOISE = /^(?:call log:?|[-+] |@@|at |expected|received|timeout|\d+ ×)/iu;

/** The first line of an error, without `Error:`, and its locator. */
export function errorLines(error: string): ErrorLines {
  const lines = plain(error.slice(0, READ))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const message = (lines[0] ?? '').replace(/^(?:Error|AssertionError(?: \[ERR_ASSERTION\])?):\s*(?=\S)/u, '');
  const locator = find(lines, /^Locator:\s*(.+)$/u) ?? find(lines, /waiting for ((?:locator|getBy|frameLocator).+)$/u);
  return { message, about: locator ?? lines.slice(1).find((line) => !NOISE.test(line)) ?? null };
}

function find(lines: readonly string[], pattern: RegExp): string | null {
  for (const line of lines) {
    const found = pattern.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  return null;
}
