import { join } from 'node:path';

import type { FlushReport, PublisherStats, PublishProblem } from '@runcast/client';
import type { FullConfig, TestCase, TestError, TestResult } from '@playwright/test/reporter';

import type { Settings } from './settings.js';

const told = new Set<string>();

/** A line for people, on standard error: standard output may belong to another reporter. */
export function say(line: string): void {
  process.stderr.write(`runcast: ${line}\n`);
}

/** A warning, once for each key. */
export function warnOnce(key: string, line: string): void {
  if (told.has(key)) return;
  told.add(key);
  say(line);
}

/** What people read in the terminal and in CI. */
export class Terminal {
  /** Where events go that can't be posted. */
  readonly spillFile: string;

  constructor(
    private readonly settings: Settings,
    env: NodeJS.ProcessEnv,
  ) {
    void env;
    this.spillFile = join(settings.configDir, '.runcast', `${settings.runId}.ndjson`);
  }

  link(): void {
    say(`${this.settings.url[0]}/runs/${encodeURIComponent(this.settings.runId)}`);
  }

  begin(_config: FullConfig): void {}

  testEnd(_test: TestCase, _result: TestResult): void {}

  error(_error: TestError): void {}

  problem(problem: PublishProblem): void {
    warnOnce(problem.kind, problem.message);
  }

  async end(_report: FlushReport, _stats: PublisherStats): Promise<void> {}
}
