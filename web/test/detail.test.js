import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { closedAbove, countOf, firstFailure, otherErrors, ownError, rowsOf, treeOf } = await load('run/detail/tree.ts');
const { sayHistory } = await load('run/detail/said.ts');
const { quoted, rerun } = await load('run/detail/rerun.ts');
const files = await load('run/detail/files.ts');

const step = (id, parent = null, more = {}) => ({
  attempt: 0,
  id,
  parent,
  title: `step ${id}`,
  subtitle: null,
  category: 'test.step',
  location: null,
  actor: null,
  state: 'passed',
  startedAt: 0,
  durationMs: 1,
  pausedMs: null,
  error: null,
  attachments: [],
  params: null,
  seq: 1,
  endSeq: 2,
  ...more,
});
const failure = { state: 'failed', error: { message: 'no', location: null, snippet: null, stack: null } };
const sight = { folds: new Map(), words: '', selected: null };
const ids = (rows) => rows.map(({ key }) => key);

test('steps are a tree of their attempt, whatever their parents claim', () => {
  const roots = treeOf(
    [
      step('1'),
      step('2', '1'),
      step('3', '9'),
      step('4', '4'),
      step('5', null, { attempt: 1 }),
      step('6', '7'),
      step('7', '6'),
    ],
    0,
  );
  assert.deepEqual(
    roots.map(({ step }) => step.id),
    ['1', '3', '4', '6'],
  );
  assert.deepEqual(
    roots[0].children.map(({ step, level }) => [step.id, level]),
    [['2', 2]],
  );
});

test('hooks and fixtures are folded, what failed is open', () => {
  const steps = [
    step('1', null, { category: 'hook' }),
    step('2', '1'),
    step('3'),
    step('4', '3'),
    step('5', null, { category: 'hook', ...failure }),
    step('6', '5', failure),
  ];
  const { rows } = rowsOf(treeOf(steps, 0), sight);
  assert.deepEqual(ids(rows), ['1', '3', '4', '5', '6']);
  assert.deepEqual(
    rows.map(({ open }) => open),
    [false, true, null, true, null],
  );
  assert.deepEqual(
    rows.map(({ position, size }) => `${position}/${size}`),
    ['1/3', '2/3', '1/1', '3/3', '1/1'],
  );
  assert.deepEqual(ids(rowsOf(treeOf(steps, 0), { ...sight, brief: true }).rows), ['1', '3', '5', '6']);
  assert.deepEqual(
    ids(
      rowsOf(treeOf(steps, 0), {
        ...sight,
        folds: new Map([
          ['1', true],
          ['5', false],
        ]),
      }).rows,
    ),
    ['1', '2', '3', '4', '5'],
  );
});

test('an error is shown once, at the deepest step that has it', () => {
  const roots = treeOf([step('1', null, failure), step('2', '1', failure), step('3', '2')], 0);
  assert.equal(ownError(roots[0]), null);
  assert.equal(ownError(roots[0].children[0]).message, 'no');
  assert.equal(firstFailure(roots).step.id, '2');
  assert.deepEqual(
    otherErrors([failure.error, { ...failure.error, message: 'timeout' }], roots).map(({ message }) => message),
    ['timeout'],
  );
});

test('search shows steps with the words and what they belong to', () => {
  const steps = [
    step('1', null, { category: 'hook' }),
    step('2', '1', { title: 'Click', subtitle: "getByText('Pay')" }),
    step('3'),
    step('4', null, { actor: 'Ada' }),
  ];
  const { rows, hits } = rowsOf(treeOf(steps, 0), { ...sight, words: ' PAY ' });
  assert.deepEqual(ids(rows), ['1', '2']);
  assert.equal(hits, 1);
  assert.deepEqual(ids(rowsOf(treeOf(steps, 0), { ...sight, words: 'ada' }).rows), ['4']);
});

test('a link to a step opens what hides it', () => {
  const roots = treeOf(
    [step('1', null, { category: 'hook' }), step('2', '1', { category: 'fixture' }), step('3', '2')],
    0,
  );
  assert.deepEqual(closedAbove(roots, sight, '3'), ['1', '2']);
  assert.deepEqual(closedAbove(roots, sight, '1'), []);
  assert.equal(closedAbove(roots, sight, '9'), null);
});

test('steps within hooks and fixtures are not counted', () => {
  assert.equal(
    countOf(treeOf([step('1', null, { category: 'hook' }), step('2', '1'), step('3'), step('4', '3')], 0)),
    3,
  );
});

test('5,000 steps are a tree and rows in little time', () => {
  const many = Array.from({ length: 5_000 }, (_, at) =>
    step(String(at), at % 10 === 0 ? null : String(at - (at % 10))),
  );
  const began = performance.now();
  for (let times = 0; times < 10; times += 1) assert.equal(rowsOf(treeOf(many, 0), sight).rows.length, 5_000);
  assert.ok(performance.now() - began < 1_000);
});

const results = (text, current = true) =>
  [...text].map((letter, at) => ({
    runId: `r${at}`,
    number: 4100 + at,
    outcome: { p: 'expected', f: 'unexpected', y: 'flaky', s: 'skipped' }[letter],
    status: '',
    durationMs: 1,
    attempts: 1,
    error: null,
    location: letter === 'p' ? null : 'a.spec.ts:7:1',
    at: 0,
    branch: 'main',
    commit: null,
    current: current && at === text.length - 1,
  }));
const say = (text, current) => {
  const said = sayHistory(results(text, current));
  return said === null ? null : `${said.strong} ${said.more}`.trim();
};

test('the sentence answers whether it failed before', () => {
  assert.equal(say('pppppppppppppf'), 'New failure. Passed in the 13 runs before.');
  assert.equal(say('pf'), 'New failure. Passed in the run before.');
  assert.equal(say('ppppppppppffff'), 'Failed in the last 4 runs, since #4110 on main. Same line each time.');
  assert.equal(say('ff'), 'Failed in all 2 runs, since #4100 on main. Same line each time.');
  assert.equal(say('pfppf'), 'Failed again. Failed in 1 of the 4 runs before.');
  assert.equal(say('pyppf'), 'New failure. Flaky in 1 of the 4 runs before.');
  assert.equal(say('ppypppppypppyy'.replace(/y$/, 'y')), 'Flaky in 4 of 14 runs. Same line each time.');
  assert.equal(say('pppy'), 'Flaky for the first time. Passed in the 3 runs before.');
  assert.equal(say('f'), 'First run of this test.');
  assert.equal(say('pppffp'), 'Fixed. Failed in the 2 runs before, since #4103 on main.');
  assert.equal(say('ppp'), 'Passed in the last 3 runs.');
  assert.equal(say('pypp'), 'Passed. Flaky in 1 of the 3 runs before.');
  assert.equal(say('pss'), 'Skipped in the last 2 runs. Passed in the run before.');
});

test('a test that has not ended has the runs before', () => {
  assert.equal(say('ppp', false), 'Passed in the 3 runs before.');
  assert.equal(say('pff', false), 'Failed in the 2 runs before, since #4101 on main.');
  assert.equal(say('', false), null);
});

test('flaky at other lines is not said to be the same', () => {
  const other = results('pyy').map((result, at) => ({
    ...result,
    location: `a.spec.ts:${at}:1`,
    error: `error ${at}`,
  }));
  assert.deepEqual(sayHistory(other), { strong: 'Flaky in 2 of 3 runs.', more: '' });
});

test('words are quoted for every shell, if they can be', () => {
  assert.equal(quoted('shop.spec.ts:19'), 'shop.spec.ts:19');
  assert.equal(quoted('pays by card'), '"pays by card"');
  assert.equal(quoted("it's"), `"it's"`);
  assert.equal(quoted('costs $5'), `'costs $5'`);
  assert.equal(quoted('say "hi"'), `'say "hi"'`);
  assert.equal(quoted("`rm -rf` isn't"), `'\`rm -rf\` isn'\\''t'`);
  assert.equal(quoted('a\\\\b'), `'a\\\\b'`);
  assert.equal(quoted('ends \\'), `'ends \\'`);
});

const row = {
  testId: `${'0'.repeat(20)}-${'1'.repeat(20)}`,
  file: 'checkout.spec.ts',
  line: 19,
  path: ['Checkout', 'takes (10 %) off'],
  project: 'chromium',
};

test('the command runs this test alone', () => {
  assert.equal(
    rerun({ ...row, path: ['Cart', 'is empty'] }).text,
    'npx playwright test checkout.spec.ts:19 -g "Cart is empty" --project=chromium',
  );
  assert.equal(
    rerun(row).text,
    `npx playwright test checkout.spec.ts:19 -g 'Checkout takes \\(10 %\\) off' --project=chromium`,
  );
  assert.equal(
    rerun({ ...row, file: 'app/[id]/a.spec.ts', project: 'Mobile Safari', path: ['x'] }).text,
    'npx playwright test "app/\\[id\\]/a.spec.ts:19" -g x "--project=Mobile Safari"',
  );
  assert.equal(
    rerun({ ...row, project: null, line: null, path: ['x'] }).text,
    'npx playwright test checkout.spec.ts -g x',
  );
});

test('of other runners what is known is copied', () => {
  assert.deepEqual(
    rerun({ testId: 'a', file: 'tests/test_cart.py', line: 3, path: ['TestCart', 'test_total'], project: null }),
    { text: 'pytest tests/test_cart.py::TestCart::test_total', isCommand: true },
  );
  assert.deepEqual(rerun({ testId: 'a', file: 'Cart.java', line: 3, path: ['Cart', 'adds'], project: null }), {
    text: 'Cart.java:3 Cart › adds',
    isCommand: false,
  });
  assert.equal(rerun({ testId: 'a', file: null, line: null, path: [], project: null }).text, '');
});

const artifact = (name, more = {}) => ({
  artifactId: `id-${name}`.replace(/[^\w-]/g, '_'),
  name,
  kind: 'screenshot',
  contentType: 'image/png',
  test: 't',
  size: 100,
  storedSize: 100,
  savedPercent: 0,
  expiresAt: null,
  downloadUrl: 'https://evil.example/x',
  traceUrl: null,
  seq: 1,
  ...more,
});

test('each file of an attempt is there once, with its artifact', () => {
  const shot = { name: 'screenshot', contentType: 'image/png', size: 5, artifact: 'a.png', note: null };
  const found = files.filesOf(
    [shot, { ...shot, name: 'big', artifact: null, note: 'larger than 100 MB' }],
    [step('1', null, { attachments: [shot] })],
    't',
    [
      artifact('a.png', { test: 'other' }),
      artifact('a.png', { artifactId: 'own' }),
      artifact('a.png', { artifactId: 'third', test: 'other' }),
    ],
  );
  assert.deepEqual(
    found.map(({ name, artifact }) => [name, artifact?.artifactId]),
    [
      ['screenshot', 'own'],
      ['big', undefined],
    ],
  );
  assert.equal(files.whyNot(found[1], true), 'not uploaded: larger than 100 MB');
  assert.equal(files.whyNot(found[0], true), null);
});

test('addresses are made here, whatever was posted', () => {
  assert.equal(files.downloadUrl('r/1', artifact('a')), '/api/runs/r%2F1/artifacts/id-a/download?redirect=1');
  assert.equal(files.downloadUrl('r', artifact('a', { artifactId: '../../x' })), null);
  assert.equal(files.downloadUrl('r', artifact('a', { state: 'deleted' })), null);
  assert.equal(files.viewerUrl('r', artifact('a', { traceUrl: 'javascript:alert(1)' })), null);
  assert.equal(files.viewerUrl('r', artifact('a', { traceUrl: '//evil.example' })), null);
  assert.equal(
    files.viewerUrl('r', artifact('a', { traceUrl: '/trace/?trace=https://evil' })),
    '/trace/?trace=%2Fapi%2Fruns%2Fr%2Fartifacts%2Fid-a%2Fdownload%3Fredirect%3D1',
  );
});

test('what a browser may show has a tab of its own, so that no download takes the place of the page', () => {
  for (const type of ['image/png', ' Video/WebM', 'text/plain; charset=utf-8', 'application/json', 'audio/mpeg'])
    assert.ok(files.opensInTab(type), type);
  for (const type of ['application/zip', 'application/octet-stream', '']) assert.ok(!files.opensInTab(type), type);
});

test('types are not believed beyond what can do no harm', () => {
  assert.equal(files.kindOf('x.html', 'text/html'), 'text');
  assert.equal(files.kindOf('x.svg', 'image/svg+xml'), 'image');
  assert.equal(files.kindOf('x', 'application/x-shockwave-flash'), 'other');
  assert.equal(files.kindOf('report.json', 'application/octet-stream'), 'json');
  assert.equal(files.kindOf('trace', 'application/zip'), 'trace');
});

test('pictures of a comparison are found', () => {
  const all = ['a-expected.png', 'a-actual.png', 'a-diff.png', 'b-actual.png', 'c'].map((name) =>
    files.fileOf(artifact(name)),
  );
  const found = files.comparisonsOf(all);
  assert.deepEqual(
    found.map(({ name, diff }) => [name, diff.name]),
    [['a.png', 'a-diff.png']],
  );
});

test('savings are said as they are', () => {
  assert.equal(
    files.savingsOf([artifact('a', { size: 3_400_000, storedSize: 2_100_000 })]),
    '3.4 MB stored as 2.1 MB, −38 %',
  );
  assert.equal(files.savingsOf([artifact('a', { size: 100, storedSize: 100 })]), null);
  assert.equal(files.savingsOf([artifact('a', { size: 100, storedSize: 120 })]), null);
  assert.equal(files.savingsOf([]), null);
});

test('how long files are kept is said, and why they are gone', () => {
  const day = 86_400_000;
  const at = Date.UTC(2026, 11, 23, 12);
  assert.equal(
    files.keptUntil([
      artifact('a', { expiresAt: at + day, retainedBy: 'days' }),
      artifact('b', { expiresAt: at, retainedBy: 'days' }),
    ]),
    'kept until Dec 23',
  );
  assert.equal(files.keptUntil([artifact('a', { retainedBy: 'pin' })]), 'kept, pinned');
  const gone = files.fileOf(
    artifact('a', {
      state: 'deleted',
      deletedAt: Date.UTC(2026, 9, 20, 12),
      deletedBy: 'days',
      createdAt: Date.UTC(2026, 8, 20, 12),
    }),
  );
  assert.equal(files.whyNot(gone, true), 'its file was deleted on Oct 20 by the retention of 30 days');
  const by = (deletedBy) => files.whyNot({ ...gone, artifact: { ...gone.artifact, deletedBy } }, true);
  assert.equal(by('request'), 'its file was deleted on Oct 20');
  assert.equal(by('pin'), 'its file was deleted on Oct 20, when its pin ended');
  assert.equal(by('upload'), 'its upload never ended, and was removed on Oct 20');
  const unknown = { ...gone, artifact: { ...gone.artifact, deletedAt: null } };
  assert.equal(files.whyNot(unknown, true), 'its file is gone: it has expired, or was deleted');
  assert.equal(files.whyNot({ ...gone, artifact: null }, false), 'on its way');
  assert.equal(files.whyNot({ ...gone, artifact: null }, true), 'not in the store');
});
