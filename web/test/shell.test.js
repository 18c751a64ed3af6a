import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { placeOf, queryOf } = await load('run/place-url.ts');
const { sharesOf, progressText, leftText, elapsedOf } = await load('run/top/numbers.ts');
const { liveOf } = await load('run/top/live.ts');
const { bannersOf, shardsText } = await load('run/states/banner.ts');
const { waysOf } = await load('run/states/ways.ts');
const { linkOf } = await load('run/link.ts');

const NOWHERE = { test: null, attempt: null, step: null, line: null, at: null, view: 'run', words: '' };
const counts = (more = {}) => ({ failed: 0, flaky: 0, passed: 0, skipped: 0, running: 0, queued: 0, asks: 0, ...more });
const head = (more = {}) => ({
  runId: 'r',
  seq: 4_211,
  word: 'running',
  status: 'running',
  over: false,
  counts: counts(),
  total: 10,
  asks: [],
  shards: [],
  producers: [],
  lastError: null,
  lastEventAt: null,
  endedAt: null,
  meta: {},
  ...more,
});
const link = (more = {}) => ({
  status: 'live',
  since: 0,
  seq: 4_211,
  tip: 4_211,
  behindMs: 400,
  retryAt: null,
  error: null,
  closeCode: null,
  clockOffsetMs: 0,
  ...more,
});
const LIVE = { live: true, seq: 0, at: null, loading: false };
const NOW = 100_000;

test('places survive their URL, also with keys that end like an attempt', () => {
  const tests = [
    'a',
    'a.1',
    'a.',
    'a..',
    '.1',
    '1',
    'a.1.2',
    'linux\u0001t.1',
    'a.1234567',
    'ä ö&=?#%+',
    'x\ny.1',
    'a.0',
    '😀.1',
  ];
  for (const key of tests) {
    for (const attempt of [null, 0, 1, 12]) {
      const place = {
        ...NOWHERE,
        test: key,
        attempt,
        step: '12',
        line: { seq: 7, line: 2 },
        at: 99,
        view: 'log',
        words: 'a & b',
      };
      assert.deepEqual(placeOf(`?${queryOf(place)}`), place, JSON.stringify([key, attempt, queryOf(place)]));
    }
  }
  assert.equal(queryOf(NOWHERE), '');
  assert.equal(queryOf({ ...NOWHERE, test: 'a', attempt: 1 }), 't=a.1');
});

test('what can not be read of a URL is as if it were not there', () => {
  for (const bad of [
    '?v=nothing',
    '?at=-1',
    '?at=x',
    '?at=0',
    '?l=x',
    '?l=1.x',
    '?t=',
    '?at=99999999999999999999',
    '?l=99999999999999999999',
  ]) {
    assert.deepEqual(placeOf(bad), NOWHERE, bad);
  }
});

test('counts: what is wrong first, zero left out, a test that asks once', () => {
  const run = head({ counts: counts({ passed: 6, running: 1, queued: 5, asks: 1 }), asks: [{ test: 'a' }] });
  assert.equal(progressText(sharesOf(run)), '1 asks, 6 passed, 5 queued');
  const all = head({ counts: { failed: 1, flaky: 2, passed: 1_500, skipped: 4, running: 5, queued: 6, asks: 0 } });
  assert.equal(progressText(sharesOf(all)), '1 failed, 2 flaky, 1,500 passed, 4 skipped, 5 running, 6 queued');
  assert.equal(progressText(sharesOf({ ...all, over: true })).endsWith('5 unended, 6 not run'), true);
  assert.equal(progressText([]), 'no tests yet');
});

test('time left is said about', () => {
  const texts = [null, 1_000, 21_000, 54_000, 58_000, 170_000, 3 * 3_600_000].map(leftText);
  assert.deepEqual(texts, [
    '',
    'a few seconds left',
    'about 20 s left',
    'about 55 s left',
    'about 1 min left',
    'about 3 min left',
    'about 3 h left',
  ]);
});

test('the clock of the run grows only while it ticks', () => {
  assert.equal(elapsedOf({ elapsedMs: 1_000, elapsedAt: NOW - 500, ticking: true }, NOW), 1_500);
  assert.equal(elapsedOf({ elapsedMs: 1_000, elapsedAt: NOW - 500, ticking: false }, NOW), 1_000);
  assert.equal(elapsedOf({ elapsedMs: 1_000, elapsedAt: NOW + 500, ticking: true }, NOW), 1_000);
  assert.equal(elapsedOf({ elapsedMs: null, elapsedAt: 0, ticking: true }, NOW), null);
});

test('the bar says whether it is live', () => {
  const said = (connection, run = head(), moment = LIVE) => {
    const { dot, strong, text } = liveOf(run, connection, moment, NOW);
    return `${dot}: ${strong} ${text}`.trim();
  };
  assert.equal(said(link()), 'live: Live 0.4 s behind');
  assert.equal(said(link(), head({ word: 'waiting' })), 'live: Live the first event shows at once');
  assert.equal(said(link({ status: 'polling' })), 'live: Live by asking again and again');
  assert.equal(said(link({ status: 'catching-up', seq: 12_400, tip: 98_000 })), 'off: Catching up 12,400 of 98,000');
  assert.equal(said(link({ status: 'reconnecting', retryAt: NOW + 1_500 })), 'off: Reconnecting in 2 s');
  assert.equal(said(null, null), 'off: Connecting');
  assert.equal(said(link({ status: 'closed', closeCode: 4403 })), 'off: Not live not allowed');
  assert.match(
    said(link({ status: 'closed' }), head({ over: true, endedAt: NOW - 12 * 60_000 })),
    /^off: Ended \d\d:\d\d:\d\d, 12 min ago$/,
  );
  assert.match(said(link(), head(), { live: false, seq: 7, at: NOW, loading: false }), /^past: Past \d\d:\d\d:\d\d$/);
});

test('sentences say what is not as usual, and what one can do', () => {
  const said = (more) => {
    const told = {
      head: head(),
      connection: link(),
      moment: LIVE,
      notices: [],
      now: NOW,
      asksElsewhere: false,
      ...more,
    };
    return bannersOf(told).map(({ strong, text, acts }) =>
      `${strong} ${text} ${acts.map((act) => `[${act}]`).join('')}`.trim(),
    );
  };
  assert.deepEqual(said({}), []);
  assert.match(
    said({ connection: link({ status: 'reconnecting', since: NOW - 3_000, retryAt: NOW + 2_000 }) })[0],
    /^Connection lost at \d\d:\d\d:\d\d\. You see events up to 4,211\. Trying again in 2 s\. \[retry\]$/,
  );
  assert.deepEqual(said({ connection: link({ status: 'reconnecting', since: NOW - 100 }) }), [], 'not before 400 ms');
  const lost = (error, online) => said({ connection: link({ status: 'reconnecting', since: 0, error }), online })[0];
  assert.match(lost('no WebSocket'), /Trying again now\. The server does not answer\. \[retry\]$/);
  assert.match(lost('the connection broke'), /Trying again now\. \[retry\]$/);
  assert.match(lost('no WebSocket', false), /This machine is offline\. \[retry\]$/);
  assert.match(
    said({
      connection: link({ status: 'reconnecting', since: 0, retryAt: NOW - 1, error: 'the journal does not answer' }),
    })[0],
    /Trying again now\. The journal does not answer\. \[retry\]$/,
  );
  assert.deepEqual(said({ connection: link({ status: 'catching-up', seq: 12_400, tip: 98_000 }) }), [
    'Catching up: 12,400 of 98,000 events.',
  ]);
  for (const [code, text, act] of [
    [1008, /refused this page/, 'reload'],
    [4401, /not signed in/, 'reload'],
    [4403, /may not watch/, 'runs'],
    [4410, /is gone/, 'runs'],
  ]) {
    const [first] = said({ connection: link({ status: 'closed', closeCode: code }) });
    assert.match(first, text);
    assert.match(first, new RegExp(`\\[${act}\\]$`));
  }
  const closed = link({ status: 'closed', since: 0, closeCode: 1000, error: 'done' });
  assert.deepEqual(said({ connection: closed }), ['Not connected. You see events up to 4,211. Done. [retry]']);
  const drained = link({ status: 'reconnecting', since: 0, closeCode: 1012, error: 'the server restarts' });
  assert.match(
    said({ connection: drained })[0],
    /^Connection lost .* Trying again now\. The server restarts\. \[retry\]$/,
  );
  assert.match(
    said({ moment: { live: false, seq: 4_211, at: NOW, loading: false }, connection: link({ tip: 9_870 }) })[0],
    /^You look at \d\d:\d\d:\d\d \(event 4,211 of 9,870\), the run goes on \[live\]$/,
  );
  assert.match(
    said({ head: head({ word: 'stalled', lastEventAt: NOW - 120_000 }) })[0],
    /^No sign of the workers for 2 min\./,
  );
  assert.deepEqual(
    said({ head: head({ shards: [{ variant: null, total: 4, joined: 3, missing: [2], waiting: true }] }) }),
    ['Waiting for shard 2 of 4. 3 shards so far.'],
  );
  assert.deepEqual(said({ notices: [{ kind: 'missed', events: 57, from: 9 }] }), [
    '57 events arrived meanwhile. Nothing is missing. [dismiss]',
  ]);
  assert.match(said({ notices: [{ kind: 'gap', from: 1, to: 900 }] })[0], /^Events 1 to 900 have expired\./);
  assert.match(said({ notices: [{ kind: 'reset', from: 4_100 }] })[0], /Events from 4,100 on were taken back\./);
  assert.match(
    said({ head: head({ lastError: { message: 'Cannot find module', at: 1 } }) })[0],
    /^Error outside of the tests: Cannot find module$/,
  );
  assert.match(
    said({
      head: head({ asks: [{ askId: 'a', question: 'Which?', expiresAt: NOW + 47_000 }] }),
      asksElsewhere: true,
    })[0],
    /^Which\? 0:47 \[answer\]$/,
  );
  assert.equal(shardsText([1, 2, 3, 4, 5]), 'shards 1, 2 and 3 others');
});

test('a way to post from Playwright is shown only where its reporter is handed out', () => {
  const titles = (packages) => waysOf('r-1', 'https://runcast.test', packages).map(({ title }) => title);
  assert.deepEqual(titles([]), ['Any command', 'Plain HTTP']);
  const install = 'npm install --save-dev https://runcast.test/clients/x.tgz';
  const [first] = waysOf('r-1', 'https://runcast.test', [{ name: '@runcast/playwright', install }]);
  assert.equal(first.title, 'Playwright');
  assert.deepEqual(first.blocks[0], [install]);
  assert.match(first.blocks[1].join('\n'), /url: 'https:\/\/runcast\.test', run: 'r-1'/);
});

test('a link leads to what has focus', () => {
  const inside = (attributes) => ({
    closest: (selector) => {
      const name = selector.slice(1, -1);
      return name in attributes ? { getAttribute: () => attributes[name] } : null;
    },
  });
  const here = { ...NOWHERE, test: 'a', attempt: 1 };
  assert.deepEqual(linkOf(inside({ 'data-line': '7.2' }), here), {
    to: { ...here, line: { seq: 7, line: 2 } },
    what: 'this line',
  });
  assert.deepEqual(linkOf(inside({ 'data-step': '4' }), here), { to: { ...here, step: '4' }, what: 'this step' });
  assert.deepEqual(linkOf(inside({ 'data-test': 'b' }), here), { to: { ...NOWHERE, test: 'b' }, what: 'this test' });
  assert.deepEqual(linkOf(null, NOWHERE), { to: NOWHERE, what: 'the run' });
  assert.equal(linkOf(null, { ...here, at: 9 }).what, 'this moment');
});
