import { basename, dirname, relative } from 'node:path';

import type { FullConfig } from '@playwright/test/reporter';

import type { FailedTest } from './results.js';
import { commandLine } from './shell.js';

/** Longest command, in characters: it is to be copied. */
const MAX_COMMAND = 1_000;

/**
 * The command that runs these tests again, on any machine that has the project; undefined: there are none, or too many.
 * Files that have too many failed tests for the line are named as a whole.
 */
export function rerunCommand(
  failed: readonly FailedTest[],
  config: FullConfig,
  cwd = process.cwd(),
): string | undefined {
  if (failed.length === 0) return undefined;
  const file = (test: FailedTest) => pattern(relative(cwd, test.file).replaceAll('\\', '/'));
  const projects = [...new Set(failed.map(({ project }) => project))];
  const isEvery = config.projects.length < 2 || projects.includes('');
  const last = [...configOf(config, cwd), ...(isEvery ? [] : projects.map((name) => `--project=${name}`))];
  for (const place of [(test: FailedTest) => `${file(test)}:${test.line}`, file]) {
    const command = commandLine(['npx', 'playwright', 'test', ...new Set(failed.map(place)), ...last]);
    if (command.length <= MAX_COMMAND) return command;
  }
  return undefined;
}

/** Playwright takes the names of files as regular expressions. */
function pattern(path: string): string {
  return path.replace(/[\\^$*+?()[\]{}|]/g, '\\$&');
}

/** The option that names the configuration, if Playwright would not find it by itself. */
function configOf({ configFile }: FullConfig, cwd: string): string[] {
  if (configFile === undefined) return [];
  const isDefault = dirname(configFile) === cwd && /^playwright\.config\.[cm]?[jt]sx?$/.test(basename(configFile));
  return isDefault ? [] : ['-c', relative(cwd, configFile).replaceAll('\\', '/')];
}
