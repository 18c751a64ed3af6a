/** What failed, those with the same error together. */
import { useMemo, useState } from 'preact/hooks';

import type { TestRow } from '../../model.js';
import { count, duration } from '../../ui/format.js';
import { shownOf } from '../../ui/status.js';
import { StatusIcon } from '../../ui/status-icon.js';
import { Text } from '../../ui/text.js';
import { go, place } from '../place.js';
import { tests, testsVersion } from '../store.js';
import { groupsOf, type Group } from './groups.js';

/** Groups, and tests of a group, that are shown before one asks for more. */
const GROUPS = 5;
const TESTS = 5;

export function Failures() {
  const groups = useMemo(() => groupsOf(tests.values()), [testsVersion.value]);
  const [all, setAll] = useState(false);
  if (groups.length === 0) return null;
  const sum = groups.reduce((total, group) => total + group.tests.length, 0);
  return (
    <section class="ended-part failures" aria-label="Failures">
      <h3>
        Failed <span class="dim">{sum === groups.length ? count(sum) : `${count(sum)}, by ${count(groups.length)} errors`}</span>
      </h3>
      {(all ? groups : groups.slice(0, GROUPS)).map((group) => (
        <OneGroup key={group.tests[0]!.key} group={group} />
      ))}
      {all || groups.length <= GROUPS ? null : (
        <button type="button" class="ended-more" onClick={() => setAll(true)}>
          {count(groups.length - GROUPS)} more errors
        </button>
      )}
    </section>
  );
}

function OneGroup({ group: { title, locator, tests: own } }: { group: Group }) {
  const [all, setAll] = useState(false);
  return (
    <div class="failure">
      {own.length > 1 ? <p class="failure-count">{count(own.length)} tests fail with the same error</p> : null}
      <p class="failure-error">
        <Text of={title} />
      </p>
      {locator === null ? null : <Text of={locator} class="failure-locator" />}
      {(all ? own.slice(0, 500) : own.slice(0, TESTS)).map((test) => (
        <FailedTest key={test.key} test={test} />
      ))}
      {all || own.length <= TESTS ? null : (
        <button type="button" class="ended-more" onClick={() => setAll(true)}>
          {count(own.length - TESTS)} more
        </button>
      )}
    </div>
  );
}

function FailedTest({ test }: { test: TestRow }) {
  return (
    <button
      type="button"
      class="ended-row"
      aria-current={place.value.test === test.key}
      onClick={() => go({ test: test.key, attempt: null, step: null })}
    >
      <StatusIcon of={shownOf(test)} />
      <Text of={test.path.join(' › ')} class="ended-title" />
      <span class="ended-dim">{[test.project, test.variant].filter((part) => part !== null).join(' ')}</span>
      <span class="ended-time">{test.durationMs === null ? '' : duration(test.durationMs)}</span>
    </button>
  );
}
