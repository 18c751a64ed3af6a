import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { groupsOf, placeOf } = await load('run/tests/groups.ts');
const { itemsOf, offsetsOf, within, rowAt, HEIGHTS } = await load('run/tests/items.ts');
const { passes, termsOf, toggled, has } = await load('run/tests/filter.ts');
const { Steady, waitingText } = await load('run/tests/steady.ts');
const { anchorOf } = await load('run/tests/anchor.ts');
const { errorLines } = await load('run/tests/errors.ts');
const { typeAhead } = await load('run/tests/ahead.ts');

const row = (key, more = {}) => ({
  key,
  testId: key,
  variant: null,
  path: [key],
  file: 'a.spec.ts',
  line: 1,
  project: 'chromium',
  tags: [],
  annotations: [],
  order: 0,
  status: 'pending',
  outcome: null,
  attempt: 0,
  producer: null,
  slot: null,
  slotLabel: null,
  startedAt: null,
  durationMs: null,
  error: null,
  errorLocation: null,
  step: null,
  failedSeq: null,
  paused: false,
  askId: null,
  held: false,
  ...more,
});
const passed = (key, more) => row(key, { status: 'passed', outcome: 'expected', ...more });
const failed = (key, failedSeq, more) =>
  row(key, { status: 'failed', outcome: 'unexpected', error: 'no', failedSeq, ...more });
const running = (key, startedAt, more) => row(key, { status: 'running', startedAt, ...more });
const keys = (groups) => groups.map(({ id, tests }) => [id, tests.map(({ key }) => key).join(' ')]);
const byKey = (rows) => new Map(rows.map((one) => [one.key, one]));

test('groups: who needs somebody, the newest failure, the oldest that runs, flaky, the rest', () => {
  const rows = [
    passed('p', { order: 1 }),
    running('r2', 200, { order: 2 }),
    failed('f1', 10, { order: 3 }),
    row('q', { order: 4 }),
    failed('f2', 20, { order: 5 }),
    row('y', { status: 'passed', outcome: 'flaky', order: 6 }),
    running('r1', 100, { order: 7 }),
    running('a', 50, { askId: 'x', order: 8 }),
    failed('f0', null, { order: 9, status: 'interrupted' }),
    running('p2', 300, { paused: true, order: 10 }),
  ];
  assert.deepEqual(keys(groupsOf(rows)), [
    ['ask', 'a'],
    ['failed', 'f2 f1 f0'],
    ['running', 'r1 r2 p2'],
    ['flaky', 'y'],
    ['rest', 'p q'],
  ]);
  assert.deepEqual(keys(groupsOf(rows, true)).slice(-2), [
    ['done', 'p'],
    ['queued', 'q'],
  ]);
});

test('the rest stands by file and project, with sums', () => {
  const rows = [
    passed('1', { order: 1 }),
    passed('2', { order: 2, project: 'firefox' }),
    row('3', { order: 3 }),
    row('4', { order: 4, file: 'b.spec.ts' }),
    row('5', { order: 5, status: 'skipped', outcome: 'skipped' }),
  ];
  const [rest] = groupsOf(rows);
  assert.deepEqual(
    rest.sections.map(({ file, project, sums, tests }) => [file, project, sums, tests.map(({ key }) => key).join('')]),
    [
      ['a.spec.ts', 'chromium', '1 passed, 1 skipped, 1 queued', '135'],
      ['a.spec.ts', 'firefox', '1 passed', '2'],
      ['b.spec.ts', 'chromium', '1 queued', '4'],
    ],
  );
  assert.equal(placeOf({ project: 'chromium', variant: 'linux' }), 'chromium, linux');
  assert.equal(placeOf({ project: null, variant: null }), '');
});

test('rows know level, place among siblings and height; folded heads keep theirs to themselves', () => {
  const groups = groupsOf([failed('f', 1), passed('p', { order: 1 }), passed('q', { order: 2 })]);
  const items = itemsOf(groups, { folded: new Set() });
  assert.deepEqual(
    items.map(({ kind, level, position, siblings }) => [kind, level, position, siblings]),
    [
      ['group', 1, 1, 2],
      ['test', 2, 1, 1],
      ['group', 1, 2, 2],
      ['section', 2, 1, 1],
      ['test', 3, 1, 2],
      ['test', 3, 2, 2],
    ],
  );
  assert.deepEqual(offsetsOf(items), [0, 32, 120, 152, 180, 208, 236]);
  assert.equal(HEIGHTS.desktop.plain, 28);
  assert.deepEqual(
    itemsOf(groups, { folded: new Set(['rest']) }).map(({ kind }) => kind),
    ['group', 'test', 'group'],
  );
  assert.deepEqual(itemsOf(groups, { folded: new Set(['failed']), phone: true }).map(({ kind }) => kind)[0], 'test');
  const flaky = groupsOf([row('y', { status: 'passed', outcome: 'flaky', error: 'no' })]);
  assert.equal(itemsOf(flaky, { folded: new Set() })[1].form, 'plain');
  assert.equal(itemsOf(flaky, { folded: new Set(), open: 'y' })[1].form, 'flaky');
});

test('only rows in sight are drawn', () => {
  const offsets = offsetsOf(Array.from({ length: 10_000 }, () => ({ height: 28 })));
  assert.deepEqual(within(offsets, 0, 280, 5), [0, 16]);
  assert.deepEqual(within(offsets, 28_000, 28_280, 5), [995, 1_016]);
  assert.deepEqual(within(offsets, 10 ** 9, 10 ** 9 + 100, 5), [9_994, 10_000]);
  assert.deepEqual(within([0], 0, 100, 5), [0, 0]);
  assert.equal(rowAt(offsets, 27), 0);
  assert.equal(rowAt(offsets, 28), 1);
});

test('the order stands still while somebody points at it, and what is new waits', () => {
  const steady = new Steady();
  const before = groupsOf([running('a', 1), running('b', 2), passed('c')]);
  const rows = [failed('a', 5), running('b', 2), passed('c'), failed('d', 6)];
  const after = groupsOf(rows);
  assert.equal(steady.show(before, false, '', byKey(rows)), before);
  assert.equal(steady.show(after, true, '', byKey(rows)), before);
  assert.deepEqual(steady.waiting(after), { failures: 2, asks: 0 });
  assert.equal(waitingText(steady.waiting(after)), '2 new failures');
  assert.equal(steady.show(after, true, 'words', byKey(rows)), after, 'another filter is asked for');
  assert.equal(steady.show(before, true, 'words', byKey(rows)), after);
  assert.equal(steady.show(before, false, 'words', byKey(rows)), before);
  assert.equal(waitingText(steady.waiting(before)), '');
  assert.equal(
    steady.show(groupsOf([rows[1]]), true, 'words', byKey([rows[1]]))[0].tests.length,
    1,
    'tests that are gone are not kept',
  );
});

test('rows in sight stay where they are when others come above them', () => {
  const shape = { folded: new Set() };
  const rest = Array.from({ length: 50 }, (_, n) => passed(`p${n}`, { order: n }));
  const one = itemsOf(groupsOf(rest), shape);
  const anchor = anchorOf(one, offsetsOf(one), 500);
  const two = itemsOf(groupsOf([...rest, failed('f', 1, { order: 99 })]), shape);
  assert.equal(anchor.moved(two, offsetsOf(two)), 32 + 88);
  assert.equal(anchor.moved(one, offsetsOf(one)), 0);
});

test('a filter looks in titles, files, projects, tags and annotations', () => {
  const pay = passed('pay', {
    path: ['Cart', 'pays by card'],
    file: 'cart.spec.ts',
    project: 'firefox',
    tags: ['@smoke'],
    annotations: [{ type: 'issue', description: 'SHOP-77' }],
  });
  const left = (filter, rows = [pay, failed('bad', 1), failed('slow', 1, { status: 'timedout' })]) => {
    const terms = termsOf(filter);
    return rows
      .filter((one) => passes(one, terms))
      .map(({ key }) => key)
      .join(' ');
  };
  assert.equal(left(''), 'pay bad slow');
  assert.equal(left('CARD cart.spec'), 'pay');
  assert.equal(left('shop-77'), 'pay');
  assert.equal(left('@smoke'), 'pay');
  assert.equal(left('@smo'), '');
  assert.equal(left('-@smoke'), 'bad slow');
  assert.equal(left('status:failed'), 'bad slow');
  assert.equal(left('status:"timed out"'), 'slow');
  assert.equal(left('project:firefox file:cart annotation:issue'), 'pay');
  assert.equal(left('"pays by"'), 'pay');
  assert.equal(left('pays nothing'), '');
  assert.equal(left('status:'), '', 'a name without words is looked for as it is');
});

test('chips put conditions into the filter and take them out', () => {
  assert.equal(toggled('pays', 'status', 'failed'), 'pays status:failed');
  assert.equal(toggled('pays status:failed', 'status', 'failed'), 'pays');
  assert.equal(toggled('pays status:failed', 'status', 'flaky'), 'pays status:flaky');
  assert.equal(toggled('', 'tag', '@smoke'), '@smoke');
  assert.equal(toggled('@smoke', 'tag', '@smoke'), '');
  assert.equal(toggled('', 'status', 'timed out'), 'status:"timed out"');
  assert.equal(has(toggled('x', 'project', 'Mobile Safari'), 'project', 'Mobile Safari'), true);
  assert.equal(toggled(toggled('x', 'project', 'Mobile Safari'), 'project', 'Mobile Safari'), 'x');
});

test('an error is two lines: what went wrong, and with which locator', () => {
  assert.deepEqual(
    errorLines(
      "Error: \u001b[2mexpect(\u001b[22mlocator).toBeVisible() failed\n\nLocator:  getByText('x')\nExpected: visible",
    ),
    {
      message: 'expect(locator).toBeVisible() failed',
      about: "getByText('x')",
    },
  );
  assert.deepEqual(errorLines("locator.fill: Timeout 5000ms exceeded.\nCall log:\n  - waiting for getByLabel('VAT')"), {
    message: 'locator.fill: Timeout 5000ms exceeded.',
    about: "getByLabel('VAT')",
  });
  assert.deepEqual(errorLines('Error: the order\n\nexpect(received).toEqual(expected)\n- Expected'), {
    message: 'the order',
    about: 'expect(received).toEqual(expected)',
  });
  assert.deepEqual(errorLines('Error:'), { message: 'Error:', about: null });
  assert.deepEqual(errorLines(''), { message: '', about: null });
});

test('letters find rows, unless they are keys of the page', () => {
  const texts = ['failed', 'orders', 'settings: a', 'settings: b', 'sign in'];
  const ahead = typeAhead();
  const press = (key, now, at, bound = false) => ahead.press(key, now, bound, texts.length, at, (n) => texts[n]);
  assert.equal(press('f', 0, 0, true), undefined);
  assert.equal(press('s', 1_000, 0), 2);
  assert.equal(press('s', 1_100, 2), 3, 'the same letter goes on');
  assert.equal(press('s', 2_000, 3), 4);
  assert.equal(press('i', 2_100, 4, true), 4, 'within a word keys are letters');
  assert.equal(press('x', 2_200, 4), null);
  assert.equal(press('Shift', 2_300, 4), undefined);
});
