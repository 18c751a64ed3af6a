import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { fit, pointAt, boxOf, percents } = await load('run/screen/points.ts');
const { gridOf, inSight } = await load('run/screen/grid.ts');
const { lookOf, sameLook } = await load('run/screen/look.ts');
const { reasonOf } = await load('run/screen/reasons.ts');
const { sentenceOf, pathOf, altOf } = await load('run/screen/words.ts');
const { tabsOf } = await load('run/screen/tab-list.ts');
const { screenshotBefore, pictureUrl } = await load('run/screen/screenshots.ts');

test('a click in the picture is a pixel of the page, and one beside it is none', () => {
  const [room, page] = [{ width: 400, height: 400 }, { width: 1280, height: 800 }];
  assert.deepEqual(fit(room, page), { x: 0, y: 75, width: 400, height: 250 });
  assert.deepEqual(pointAt({ x: 200, y: 200 }, room, page), { x: 640, y: 400 });
  assert.deepEqual(pointAt({ x: 0, y: 75 }, room, page), { x: 0, y: 0 });
  assert.deepEqual(pointAt({ x: 400, y: 325 }, room, page), { x: 1279, y: 799 }, 'the last pixel, and not the one behind it');
  assert.equal(pointAt({ x: 200, y: 74 }, room, page), null);
  assert.equal(pointAt({ x: 401, y: 200 }, room, page), null);
  assert.deepEqual(pointAt({ x: 10, y: 10 }, { width: 1280, height: 800 }, page), { x: 10, y: 10 });
});

test('boxes are read in both ways, cut at the edges, and nothing else is one', () => {
  assert.deepEqual(boxOf([1, 2, 3, 4]), { x: 1, y: 2, width: 3, height: 4 });
  assert.deepEqual(boxOf({ x: 1, y: 2, width: 3, height: 4, more: 1 }), { x: 1, y: 2, width: 3, height: 4 });
  for (const none of [null, undefined, 'box', [], [1, 2, 3], [1, 2, 3, '4'], [1, 2, 0, 4], { x: 1 }, [1, 2, NaN, 4], [0, 0, 1, -1]]) {
    assert.equal(boxOf(none), null, JSON.stringify(none));
  }
  const page = { width: 1000, height: 500 };
  assert.deepEqual(percents({ x: 100, y: 50, width: 200, height: 100 }, page), { left: '10.000%', top: '10.000%', width: '20.000%', height: '20.000%' });
  assert.deepEqual(percents({ x: -100, y: 0, width: 200, height: 1000 }, page), { left: '0.000%', top: '0.000%', width: '10.000%', height: '100.000%' });
  assert.equal(percents({ x: 1001, y: 0, width: 5, height: 5 }, page), null);
});

test('tiles are as large as all of them fit, in one to four columns', () => {
  assert.equal(gridOf(1, 1048, 728).columns, 1);
  assert.equal(gridOf(2, 1048, 728).columns, 2);
  const four = gridOf(4, 1048, 728);
  assert.deepEqual([four.columns, four.width, four.height], [2, 516, 323]);
  assert.equal(gridOf(8, 1568, 900).columns, 4);
  assert.equal(gridOf(64, 1568, 900).columns, 4, 'those that do not fit scroll');
  assert.equal(gridOf(64, 328, 500).columns, 1, 'a phone');
  for (let tiles = 0; tiles <= 70; tiles += 1) {
    for (const width of [0, 200, 360, 700, 1048, 1920]) {
      const { columns, width: tile } = gridOf(tiles, width, 700);
      assert.ok(columns >= 1 && columns <= 4 && columns * tile + (columns - 1) * 16 <= Math.max(width, 1), `${tiles} in ${width}`);
    }
  }
});

test('of many tiles those in sight are drawn, and a row around them', () => {
  const grid = gridOf(64, 1568, 900);
  assert.deepEqual(inSight(grid, 64, 0, 900), { from: 0, to: Math.ceil(900 / grid.row) * 4 + 4 });
  const later = inSight(grid, 64, grid.row * 5, 900);
  assert.equal(later.from, 16);
  assert.deepEqual(inSight(grid, 64, grid.row * 100, 900).to, 64);
  assert.deepEqual(inSight(grid, 0, 0, 900), { from: 0, to: 0 });
});

test('only what is seen is asked for', () => {
  const sight = { of: 'p/1', seen: true, live: true, width: 1000, still: false };
  assert.deepEqual(lookOf(sight), { screen: 'p/1', maxFps: 8, maxWidth: 1120 });
  assert.deepEqual(lookOf({ ...sight, still: true }), { screen: 'p/1', maxFps: 1, maxWidth: 1120 });
  assert.equal(lookOf({ ...sight, of: 'wall' }).maxFps, 1);
  for (const off of [{ of: null }, { seen: false }, { live: false }, { width: 0 }]) assert.deepEqual(lookOf({ ...sight, ...off }), { screen: false });
  assert.equal(lookOf({ ...sight, width: 99_999 }).maxWidth, 2_560);
  assert.ok(sameLook(lookOf(sight), lookOf({ ...sight, width: 1_001 })), 'a pixel is no other wish');
  assert.ok(!sameLook(null, lookOf(sight)));
});

test('a missing picture has its true reason', () => {
  const missing = { worker: '1', running: true, over: false, connection: 'live', lookedMs: 60_000, othersSend: false };
  const why = (more) => reasonOf({ ...missing, ...more }).why;
  assert.match(why({ lookedMs: 1_000 }), /begin to send .* when somebody looks/);
  assert.match(why({ lookedMs: 10_000 }), /stands still is sent every 20 s/);
  assert.match(why({}), /No worker of this run sends/);
  assert.match(why({ othersSend: true }), /Worker 1 sends none: its test may have no browser/);
  assert.match(why({ running: false }), /runs no test now/);
  assert.match(why({ worker: null }), /No test has begun/);
  assert.match(why({ over: true }), /has ended/);
  assert.match(why({ connection: 'reconnecting' }), /lost/);
  assert.match(why({ connection: 'polling' }), /WebSocket only/);
});

const row = (more = {}) => ({
  key: 'k', testId: 't', path: ['shop', 'fills the form'], status: 'running', outcome: null, askId: null, held: false, paused: false, startedAt: 1_000,
  durationMs: null, step: { id: '1', title: 'Fill "Phone"', subtitle: "getByLabel('Phone')", startedAt: 5_000 }, url: 'https://shop.test/a?b#/c', ...more,
});

test('the sentence says what a worker does', () => {
  const running = sentenceOf(row(), null, null);
  assert.deepEqual(running, { state: 'running', action: 'Fill "Phone"', locator: "getByLabel('Phone')", since: 5_000, tookMs: null, path: '/a?b#/c' });
  assert.equal(altOf(running, 'fills the form'), 'fills the form, Fill "Phone" getByLabel(\'Phone\'), /a?b#/c');
  const paused = sentenceOf(row(), { running: true, paused: true }, { since: 7_000, by: { name: 'Ada' } });
  assert.deepEqual([paused.state, paused.action, paused.since], ['paused', 'Before Fill "Phone"', 7_000]);
  assert.equal(sentenceOf(row({ askId: 'a' }), null, null).action, 'Waits for an answer');
  assert.equal(sentenceOf(row({ held: true }), null, null).action, 'Held open after its failure');
  const begins = sentenceOf(row({ step: null }), null, null);
  assert.deepEqual([begins.action, begins.since], ['Begins', 1_000]);
  const ended = sentenceOf(row({ status: 'passed', outcome: 'expected', durationMs: 2_200, step: null }), null, null);
  assert.deepEqual([ended.action, ended.since, ended.tookMs], ['Passed', null, 2_200]);
  assert.equal(sentenceOf(null, null, null).action, 'No test runs here');
});

test('a path is what is behind the origin', () => {
  assert.equal(pathOf('http://127.0.0.1:80/#/settings'), '/#/settings');
  assert.equal(pathOf('https://a.test'), '/');
  assert.equal(pathOf('/cart'), '/cart');
  assert.equal(pathOf('about:blank'), 'about:blank');
});

test('of too many workers those that run have tabs, and the one on screen', () => {
  const slots = Array.from({ length: 100 }, (_, slot) => ({ stream: `p/${slot}`, slot, running: slot >= 90 }));
  assert.deepEqual(tabsOf(slots.slice(0, 5), null, 64), { tabs: slots.slice(0, 5), more: 0 });
  const { tabs, more } = tabsOf(slots, 'p/80', 12);
  assert.equal(more, 88);
  assert.deepEqual(tabs.map(({ slot }) => slot), [0, 80, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
});

test('the screenshot before a moment, and the picture of a question', () => {
  const shot = (artifactId, seq, more = {}) => ({ artifactId, name: `${artifactId}.png`, kind: 'screenshot', contentType: 'image/png', test: 't', seq, downloadUrl: `/d/${artifactId}`, ...more });
  const all = [shot('a', 5), shot('b', 20), shot('c', 10, { test: 'u' }), shot('d', 12, { kind: 'trace', contentType: 'application/zip' }), shot('e', null)];
  assert.equal(screenshotBefore(all, 't', 15).artifactId, 'a');
  assert.equal(screenshotBefore(all, 't', 20).artifactId, 'b');
  assert.equal(screenshotBefore(all, 't', 4), null);
  assert.equal(pictureUrl(all, 'b', 'http://x'), '/d/b');
  assert.equal(pictureUrl(all, 'b.png', 'http://x'), '/d/b');
  assert.equal(pictureUrl(all, '/api/p.png', 'http://x'), 'http://x/api/p.png');
  assert.equal(pictureUrl(all, 'http://elsewhere/p.png', 'http://x'), null);
  for (const none of [null, '', 'unknown.png', 'javascript:alert(1)', 'http://[']) assert.equal(pictureUrl(all, none, 'http://x'), null);
});
