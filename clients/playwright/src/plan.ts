import type { TestCase } from '@playwright/test/reporter';

import type { Descriptions } from './describe.js';

/** Characters of one event as JSON: at most 256 KiB in bytes. */
const PLAN_CHARS = 65_536;

/** The tests that are going to be run, in parts. */
export function* plans(tests: TestCase[], describe: Descriptions): Iterable<Record<string, unknown>[]> {
  let part: Record<string, unknown>[] = [];
  let chars = 0;
  for (const test of tests) {
    const entry = planned(test, describe);
    const more = JSON.stringify(entry).length + 1;
    if (part.length > 0 && chars + more > PLAN_CHARS) {
      yield part;
      part = [];
      chars = 0;
    }
    part.push(entry);
    chars += more;
  }
  if (part.length > 0) yield part;
}

function planned(test: TestCase, describe: Descriptions): Record<string, unknown> {
  const project = test.parent.project()?.name;
  const { id: testId, location, tags } = test;
  return {
    testId,
    title: describe.title(test),
    file: describe.file(location.file),
    line: location.line,
    ...(project && { project }),
    ...(tags.length > 0 && { tags }),
  };
}
