import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the report for GitLab is, below the checkout. */
const FILE = 'annotations.json';

/**
 * Writes `.runcast/annotations.json` into the checkout: a job whose `artifacts:reports:annotations` names it has the link
 * to the run on its page (GitLab 16.3 and later). Never throws.
 */
export function annotate(page: string, env: NodeJS.ProcessEnv): void {
  const dir = join(env['CI_PROJECT_DIR'] || process.cwd(), '.runcast');
  const report = { runcast: [{ external_link: { label: 'Watch the tests live', url: page } }] };
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, '.gitignore'), '*\n');
    writeFileSync(join(dir, FILE), `${JSON.stringify(report)}\n`);
  } catch {
    // The link is in the job's log, too.
  }
}
