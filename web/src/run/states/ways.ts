/** The ways to post a first event, as texts to copy. */

/** A package that this server hands out: a member of `packages` of `GET /clients`. */
export interface Package {
  name: string;
  install: string;
}

export interface Way {
  title: string;
  about: string;
  /** What to copy, one after the other: lines, of which comments are drawn dim. */
  blocks: string[][];
}

/** The ways. That from Playwright is there only where the server hands out its reporter. */
export function waysOf(runId: string, origin: string, packages: readonly Package[]): Way[] {
  const reporter = packages.find(({ name }) => name === '@runcast/playwright');
  const ways: Way[] = [
    {
      title: 'Any command',
      about: 'Whatever prints events as JSON, one a line. A file of them does, too.',
      blocks: [[`export RUNCAST_URL=${origin}`, `./run-tests --ndjson | runcast publish ${runId}`]],
    },
    {
      title: 'Plain HTTP',
      about: 'JSON events, one by one or in an array, from any language.',
      blocks: [
        [
          `curl ${origin}/api/runs/${runId}/events \\`,
          '  -H "Authorization: Bearer $RUNCAST_TOKEN" \\',
          '  -H "Content-Type: application/json" \\',
          `  -d '{"type":"run_status","status":"running"}'`,
        ],
      ],
    },
  ];
  if (reporter === undefined) return ways;
  return [
    {
      title: 'Playwright',
      about: 'Tests, steps, screen, pause and trace, from one line in the config.',
      blocks: [
        [reporter.install],
        [
          '// playwright.config.ts',
          "reporter: [['list'], ['@runcast/playwright', {",
          `  url: '${origin}', run: '${runId}',`,
          '}]],',
        ],
      ],
    },
    ...ways,
  ];
}

/** Whether a line is a comment. */
export function isComment(line: string): boolean {
  return /^(?:#|\/\/)/.test(line);
}
