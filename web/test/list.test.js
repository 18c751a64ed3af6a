import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const rows = await load('list/rows.ts');
const lines = await load('list/line.ts');
const sections = await load('list/sections.ts');
const filters = await load('list/filter.ts');

const NOW = new Date(2026, 10, 27, 12).getTime();
const iso = (ago) => new Date(NOW - ago * 1_000).toISOString();
const row = (over) =>
  rows.rowOf({
    runId: 'r',
    word: 'running',
    events: 9,
    createdAt: iso(60),
    startedAt: iso(60),
    lastEventAt: iso(0),
    endedAt: null,
    elapsedMs: null,
    meta: { project: 'shop', number: 7 },
    counts: { pending: 4, running: 2, passed: 5, failed: 1 },
    outcomes: { expected: 4, unexpected: 1, flaky: 1, skipped: 0 },
    total: 20,
    workers: 2,
    firstError: null,
    ask: null,
    paused: null,
    ...over,
  });

test('a row of a server of before has its word, its times and its events', () => {
  const old = rows.rowOf({ runId: 'a', status: 'failed', events: 3, createdAt: iso(60), lastEventAt: iso(10) });
  assert.deepEqual(
    [old.word, old.over, old.tests, old.elapsedMs, old.startedAt],
    ['failed', true, null, 50_000, NOW - 60_000],
  );
  assert.deepEqual(rows.nameOf(old), { name: 'a', detail: null });
  assert.equal(lines.lineOf(old, NOW).text, '3 events');
});

test('what is no row, or has members of other kinds, breaks nothing', () => {
  for (const value of [null, 7, [], {}, { runId: '' }, { runId: 5 }]) assert.equal(rows.rowOf(value), null);
  const odd = rows.rowOf({
    runId: 'x',
    word: '<b>',
    status: 4,
    meta: [],
    counts: 'many',
    total: -1,
    ask: 1,
    paused: 'now',
    firstError: 'no',
    events: 'x',
    createdAt: 'then',
  });
  assert.deepEqual([odd.word, odd.tests.total, odd.events, odd.firstError], ['running', 0, 0, null]);
  assert.doesNotThrow(() => lines.lineOf({ ...odd, word: 'needs_you' }, NOW));
});

test('tests are counted once each, and what is wrong is at the left', () => {
  const { tests } = row({});
  assert.deepEqual([tests.done, tests.total, tests.queued, rows.testsWords(tests)], [6, 20, 12, '6 of 20']);
  const parts = rows.partsOf(row({ word: 'needs_you', ask: { question: 'q', expiresAt: null } }));
  assert.deepEqual(
    parts.map(({ part, tests: many }) => `${part} ${many}`),
    ['ask 1', 'failed 1', 'flaky 1', 'passed 4', 'running 1', 'queued 12'],
  );
  assert.equal(
    parts.reduce((sum, part) => sum + part.tests, 0),
    20,
  );
});

test('a run is counted in one group', () => {
  const group = (over) => rows.groupOf(row(over));
  assert.deepEqual(
    ['needs_you', 'failing', 'paused', 'waiting', 'failed', 'lost', 'timedout', 'cancelled'].map((word) =>
      group({ word }),
    ),
    ['needsYou', 'running', 'running', 'running', 'failed', 'failed', 'failed', null],
  );
  assert.equal(group({ word: 'passed' }), 'flaky');
  assert.equal(group({ word: 'passed', outcomes: { expected: 6 } }), 'passed');
});

test('the second line is what one would ask next', () => {
  const line = (over) => lines.lineOf(row(over), NOW);
  assert.deepEqual(line({ word: 'needs_you', ask: { question: 'Which field?', expiresAt: iso(-47) } }), {
    kind: 'ask',
    text: 'Which field?',
    left: '0:47',
  });
  assert.equal(line({ word: 'failing', firstError: { title: 'pays', message: 'no' } }).text, 'pays: no');
  assert.match(
    line({ word: 'paused', paused: { by: { name: 'ada' }, until: iso(-600) } }).text,
    /^by ada, goes on at \d\d:\d\d$/,
  );
  assert.equal(line({}).text, '2 workers, about 2 min left');
  assert.equal(line({ outcomes: { expected: 1 }, workers: 1 }).text, '1 worker');
  assert.equal(
    line({ word: 'passed', meta: { title: 'Round up' }, firstError: { title: null, message: 'flaky once' } }).text,
    'Round up',
  );
  assert.match(line({ word: 'lost' }).text, /^no sign of it since/);
});

test('what goes on is first, the most urgent at the top; then days, the newest first', () => {
  const all = [
    row({ runId: 'old', word: 'passed', startedAt: iso(40 * 86_400) }),
    row({ runId: 'yesterday', word: 'failed', startedAt: iso(86_400) }),
    row({ runId: 'today', word: 'passed', startedAt: iso(600) }),
    row({ runId: 'runs', word: 'running', startedAt: iso(5) }),
    row({ runId: 'asks', word: 'needs_you', startedAt: iso(900) }),
    row({ runId: 'later', word: 'cancelled', startedAt: iso(300) }),
  ];
  const got = sections.sectionsOf(all, NOW);
  assert.deepEqual(
    got.map(({ title, runs }) => [title, ...runs]),
    [
      ['Now', 'asks', 'runs'],
      ['Today', 'later', 'today'],
      ['Yesterday', 'yesterday'],
      ['Sunday, October 18', 'old'],
    ],
  );
  assert.match(sections.dayTitle(NOW - 400 * 86_400_000, NOW), /2025/);
});

test('nothing moves under the pointer: new runs wait, those loaded behind are added', () => {
  const shown = [
    { title: 'Now', runs: ['a', 'b'] },
    { title: 'Today', runs: ['c'] },
  ];
  const wanted = [
    { title: 'Now', runs: ['new', 'b'] },
    { title: 'Today', runs: ['a', 'c', 'd'] },
    { title: 'Yesterday', runs: ['e'] },
  ];
  const { sections: held, waiting } = sections.hold(shown, wanted);
  assert.equal(waiting, 1);
  assert.deepEqual(held, [
    { title: 'Now', runs: ['a', 'b'] },
    { title: 'Today', runs: ['c', 'd'] },
    { title: 'Yesterday', runs: ['e'] },
  ]);
});

test('names with values become chips when they are written to their end', () => {
  assert.deepEqual(filters.take('branch:main', false), { rest: 'branch:main', values: {} });
  assert.deepEqual(filters.take('branch:main', true), { rest: '', values: { branch: 'main' } });
  assert.deepEqual(filters.take('fix branch:main refunds', false), { rest: 'fix refunds', values: { branch: 'main' } });
  assert.deepEqual(filters.take('label:"two words"', false), { rest: '', values: { label: 'two words' } });
  assert.deepEqual(filters.take('started:30d x', false).values, { started: '30d' });
  assert.deepEqual(filters.take('started:soon x', false), { rest: 'started:soon x', values: {} });
  assert.deepEqual(filters.take('http://a:b ', true), { rest: 'http://a:b ', values: {} });
  assert.deepEqual(['7', '24 hours', '30 min', 'all', '0d', 'x'].map(filters.sinceOf), [
    '7d',
    '24h',
    '30m',
    'all',
    null,
    null,
  ]);
});

test('a filter goes into the URL and comes out of it', () => {
  const filter = {
    group: 'failed',
    words: 'a b',
    started: 'all',
    branch: 'fix/x&y',
    label: 'pr',
    project: 'ö',
    author: 'ada',
  };
  assert.deepEqual(filters.readUrl(filters.urlOf(filter)), filter);
  assert.equal(filters.urlOf(filters.FIRST), '');
  assert.deepEqual(filters.readUrl('?group=odd&started=never'), filters.FIRST);
  assert.equal(
    filters.queryOf(filter, 50, 'c:1'),
    'q=a+b&group=failed&branch=fix%2Fx%26y&label=pr&project=%C3%B6&author=ada&limit=50&cursor=c%3A1',
  );
  assert.equal(filters.queryOf(filters.FIRST, 50, null), 'since=7d&limit=50');
});

test('rows that come by themselves are held to the filter', () => {
  const matches = (change, over = {}) =>
    filters.matches(
      row({ meta: { project: 'shop', branch: 'main', labels: ['pr'], author: 'Ada', title: 'Round up' }, ...over }),
      { ...filters.FIRST, ...change },
      NOW,
    );
  assert.ok(matches({ words: 'ROUND shop', branch: 'main', label: 'pr', author: 'ada', project: 'shop' }));
  for (const change of [
    { words: 'round down' },
    { branch: 'mai' },
    { label: 'p' },
    { author: 'bob' },
    { project: '' + 'x' },
    { group: 'failed' },
    { started: '30s'.replace('s', 'm'), words: 'zz' },
  ])
    assert.ok(!matches(change));
  assert.ok(!matches({ started: '7d' }, { createdAt: iso(8 * 86_400) }));
  assert.ok(matches({ started: 'all' }, { createdAt: iso(8 * 86_400) }));
});
