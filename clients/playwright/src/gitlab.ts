import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { kept } from './kept.js';

/** The report for GitLab, below the checkout. */
const FILE = '.runcast/annotations.json';

/**
 * Writes `.runcast/annotations.json` into the checkout: a job whose `artifacts:reports:annotations` names it has the link
 * to the run on its page (GitLab 16.3 and later). Never throws.
 */
export function annotate(page: string, env: NodeJS.ProcessEnv): void {
  const file = join(env['CI_PROJECT_DIR'] || process.cwd(), FILE);
  const report = { runcast: [{ external_link: { label: 'Watch the tests live', url: page } }] };
  try {
    writeFileSync(kept(file), `${JSON.stringify(report)}\n`);
  } catch {
    // The link is in the job's log, too.
  }
}
