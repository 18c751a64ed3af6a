import type { Suite, TestCase } from '@playwright/test/reporter';

/** A test that failed, or failed first. */
export interface FailedTest {
  /** `cart › pays by card` */
  title: string;
  /** The name of its project; empty: the project has none. */
  project: string;
  /** Where it stands. */
  file: string;
  line: number;
  /** Why it failed first of all, without colours; masked. */
  error: string;
  /** Where that happened. */
  errorFile: string;
  errorLine: number;
}

/** What the tests of this process came to. */
export interface Results {
  /** `passed`, `failed`, `timedout`, `interrupted` */
  status: string;
  passed: number;
  skipped: number;
  /** Tests that were cut off, or never began. */
  missing: number;
  failed: FailedTest[];
  flaky: FailedTest[];
  /** Errors that belong to no test; without colours, masked. */
  errors: string[];
}

/** Longest text of an error that is kept, in characters. */
const MAX_ERROR = 2_000;

/** What the tests came to so far, by Playwright's own judgement. */
export function resultsOf(suite: Suite, status: string, errors: string[], mask: (text: string) => string): Results {
  const results: Results = {
    status,
    passed: 0,
    skipped: 0,
    missing: 0,
    failed: [],
    flaky: [],
    errors: errors.map(plain),
  };
  for (const test of suite.allTests()) {
    switch (test.outcome()) {
      case 'expected':
        results.passed += 1;
        break;
      case 'unexpected':
        results.failed.push(failed(test, mask));
        break;
      case 'flaky':
        results.flaky.push(failed(test, mask));
        break;
      default:
        if (test.results.some((result) => result.status === 'skipped')) results.skipped += 1;
        else results.missing += 1;
    }
  }
  return results;
}

function failed(test: TestCase, mask: (text: string) => string): FailedTest {
  const [first] = test.results.flatMap((result) => result.errors);
  const unexpected = `expected to be ${test.expectedStatus}, but ${test.results.at(-1)?.status ?? 'did not run'}`;
  const place = first?.location ?? test.location;
  return {
    title: test.titlePath().slice(3).join(' › '),
    project: test.parent.project()?.name ?? '',
    file: test.location.file,
    line: test.location.line,
    error: mask(plain(first?.message ?? first?.value ?? unexpected)),
    errorFile: place.file,
    errorLine: place.line,
  };
}

/** A text without colours, and not too long. */
function plain(text: string): string {
  const bare = text.replace(/\u001b\[[0-9;]*m/g, '').trim();
  return bare.length <= MAX_ERROR ? bare : `${bare.slice(0, MAX_ERROR)}…`;
}
