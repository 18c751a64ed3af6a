/** The ways to post a first event, as texts to copy. */

/** A package that this server hands out: a member of `packages` of `GET /clients`. */
export interface Package {
  name: string;
  install: string;
}

export interface Way {
  title: string;
  about: string;
  /** The lines: comments are drawn dim. */
  lines: string[];
}

/** The ways. That from Playwright is there only where the server hands out its reporter. */
export function waysOf(runId: string, origin: string, packages: readonly Package[]): Way[] {
  const reporter = packages.find(({ name }) => name === '@runcast/playwright');
  const ways: Way[] = [
    {
      title: 'Any command',
      about: 'Whatever prints events as JSON, one a line. A file of them does, too.',
      lines: [`export RUNCAST_URL=${origin}`, `./run-tests --ndjson | runcast publish ${runId}`],
    },
    {
      title: 'Plain HTTP',
      about: 'JSON events, one by one or in an array, from any language.',
      lines: [
        `curl ${origin}/api/runs/${runId}/events \\`,
        '  -H "Authorization: Bearer $RUNCAST_TOKEN" \\',
        '  -H "Content-Type: application/json" \\',
        `  -d '{"type":"run_status","status":"running"}'`,
      ],
    },
  ];
  if (reporter === undefined) return ways;
  return [
    {
      title: 'Playwright',
      about: 'Tests, steps, screen, pause and trace, from one line in the config.',
      lines: [
        '# once',
        reporter.install,
        '// playwright.config.ts',
        "reporter: [['list'], ['@runcast/playwright', {",
        `  url: '${origin}', run: '${runId}',`,
        '}]],',
      ],
    },
    ...ways,
  ];
}

/** Whether a line is a comment. */
export function isComment(line: string): boolean {
  return /^(?:#|\/\/)/.test(line);
}

/** What the copy button of a way copies: its lines without comments that only lead on. */
export function copied(way: Way): string {
  return way.lines.join('\n');
}
