import type { TestCase } from '@playwright/test/reporter';

import type { Descriptions } from './describe.js';

/** Tests of one event: each has well under 1 KiB, and an event at most 256 KiB. */
const TESTS_OF_A_PLAN = 200;

/** The tests that are going to be run, in parts. */
export function* plans(tests: TestCase[], describe: Descriptions): Iterable<Record<string, unknown>[]> {
  for (let from = 0; from < tests.length; from += TESTS_OF_A_PLAN) {
    yield tests.slice(from, from + TESTS_OF_A_PLAN).map((test) => ({
      testId: test.id,
      title: describe.title(test),
      file: describe.file(test.location.file),
      line: test.location.line,
      project: test.parent.project()?.name,
      tags: test.tags,
    }));
  }
}
