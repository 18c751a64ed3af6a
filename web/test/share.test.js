import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { load } from './support/load.js';

const { rerunFailed } = await load('run/share/rerun.ts');
const { quoted } = await load('run/detail/rerun.ts');
const { listed } = await load('run/share/listed.ts');
const { isLoopback, partsOf, placeWith } = await load('run/share/link.ts');

const failed = (over) => ({
  testId: 'a',
  file: 'tests/a.spec.ts',
  line: 3,
  path: ['a'],
  project: null,
  status: 'failed',
  outcome: 'unexpected',
  ...over,
});

test('each word of a command is itself to the shell', () => {
  for (const word of [
    'a',
    "it's",
    'two words',
    '$HOME `x` "q" !',
    'a\\',
    '-g',
    'tests/[id].spec.ts:3',
    '%PATH%',
    '\\(x\\)',
  ]) {
    assert.equal(execFileSync('sh', ['-c', `printf %s ${quoted(word)}`], { encoding: 'utf8' }), word);
  }
});

test('failed tests are one command: places, and their projects', () => {
  const again = rerunFailed([
    failed({}),
    failed({ line: 9, project: 'web kit' }),
    failed({ line: 9, project: 'chrome' }),
    failed({ outcome: 'flaky', line: 20 }),
    failed({ status: 'passed', outcome: 'expected' }),
  ]);
  assert.equal(again.tests, 3);
  assert.equal(
    again.text,
    'npx playwright test tests/a.spec.ts:3 tests/a.spec.ts:9',
    'one has no project: all of them',
  );
  const named = rerunFailed([failed({ project: 'web kit' }), failed({ line: 9, project: 'chrome' })]);
  assert.equal(
    named.text,
    'npx playwright test tests/a.spec.ts:3 tests/a.spec.ts:9 "--project=web kit" --project=chrome',
  );
  assert.match(named.also, /all of these projects/);
  assert.equal(
    rerunFailed([failed({ file: 'a[b].spec.ts', project: 'x' })]).text,
    'npx playwright test "a\\[b\\].spec.ts:3" --project=x',
  );
});

test('too many for a line are whole files, other runners have their own form, and none is none', () => {
  const many = Array.from({ length: 900 }, (_, line) => failed({ line }));
  assert.equal(rerunFailed(many).text, 'npx playwright test tests/a.spec.ts');
  assert.match(rerunFailed(many).also, /all tests of their files/);
  assert.equal(
    rerunFailed([failed({ file: 'test_a.py', path: ['TestA', 'test_b[1]'] })]).text,
    'pytest "test_a.py::TestA::test_b[1]"',
  );
  assert.deepEqual(rerunFailed([failed({ file: 'x.go', path: ['A', 'b'] })]), {
    text: 'x.go:3 A › b',
    tests: 1,
    isCommand: false,
    also: null,
  });
  assert.equal(rerunFailed([]), null);
  assert.equal(rerunFailed([failed({ outcome: 'flaky' })]), null);
});

test('a link has what one chooses, and a step needs its test', () => {
  const place = { test: 't', attempt: 1, step: 's', line: { seq: 4, line: 1 }, at: 9, view: 'log', words: 'x' };
  assert.deepEqual(partsOf(place), ['test', 'step', 'line', 'at', 'words']);
  assert.deepEqual(placeWith(place, new Set(['step', 'at'])), {
    ...place,
    test: null,
    attempt: null,
    step: null,
    line: null,
    words: '',
  });
  assert.deepEqual(placeWith(place, new Set(partsOf(place))), place);
});

test('hosts of this machine alone are known', () => {
  assert.deepEqual(
    ['localhost', 'a.localhost', '127.0.0.1', '127.9.9.9', '[::1]', '::1'].map(isLoopback),
    Array(6).fill(true),
  );
  assert.deepEqual(
    ['example.com', '128.0.0.1', 'localhost.example', '10.0.0.1', '[fe80::1]'].map(isLoopback),
    Array(5).fill(false),
  );
});

test('a list of links that comes late keeps what was made meanwhile, and not what was taken back', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((id) => ({ id }));
  assert.deepEqual(listed([], [a, b], new Set()), [a, b]);
  assert.deepEqual(listed([c], [a, b], new Set()), [c, a, b]);
  assert.deepEqual(listed([c], [c, a], new Set()), [c, a], 'it was made before the server listed');
  assert.deepEqual(listed([], [c, a], new Set(['c'])), [a]);
});
