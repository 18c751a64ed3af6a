import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const scale = await load('run/slider/scale.ts');
const replay = await load('run/slider/replay.ts');

const range = { from: 10_000, to: 20_000, bins: [10, 0, 30, 60], seqs: [10, 10, 40, 100], marks: [] };

test('times and pixels are each other’s inverse, and end at the edges', () => {
  assert.equal(scale.xOf(15_000, range, 800), 400);
  assert.equal(scale.timeAt(400, range, 800), 15_000);
  assert.deepEqual([scale.xOf(0, range, 800), scale.xOf(99_000, range, 800)], [0, 800]);
  assert.deepEqual([scale.timeAt(-5, range, 800), scale.timeAt(900, range, 800)], [10_000, 20_000]);
});

test('a time has an event, and an event a time', () => {
  assert.equal(scale.seqAt(10_000, range), 1);
  assert.equal(scale.seqAt(20_000, range), 100);
  assert.equal(scale.seqAt(13_000, range), 10, 'nothing happened there');
  assert.equal(scale.seqAt(16_250, range), 25);
  assert.equal(scale.timeOf(25, range), 16_250);
  for (const seq of [5, 11, 40, 70, 100]) assert.equal(scale.seqAt(scale.timeOf(seq, range), range), seq);
});

test('bars keep every event, whether there are more bins or fewer', () => {
  assert.deepEqual(scale.bars([1, 1, 1, 1], 2), [1, 1]);
  assert.deepEqual(scale.bars([4, 0], 4), [1, 1, 0, 0]);
  assert.equal(scale.bars([1_000_000, 1], 2)[1], 0.1, 'one event can be seen');
  assert.deepEqual(scale.bars([], 10), []);
});

test('ticks that would touch are one, and the worst of them is drawn', () => {
  const mark = (at, kind, seq = at) => ({ at, kind, seq, test: null });
  const list = scale.ticks([mark(15_000, 'flaky'), mark(15_010, 'failed'), mark(18_000, 'ask'), mark(20_000, 'ended')], range, 1_000);
  assert.deepEqual(list.map(({ mark: { kind }, many }) => [kind, many]), [['failed', 2], ['ask', 1]]);
  assert.equal(scale.markNear(list, 796).mark.kind, 'ask');
  assert.equal(scale.markNear(list, 700), null);
  const many = Array.from({ length: 500 }, (_, index) => mark(10_000 + index * 20, 'failed'));
  assert.ok(scale.ticks(many, range, 1_000).length <= 1_000 / 14 + 1);
});

test('the first label is the time of day, the others count from it, and none is at the edge', () => {
  const list = scale.labels({ from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 1) + 31_000 }, 1_100);
  assert.match(list[0].text, /^\d\d:\d\d:\d\d$/);
  assert.deepEqual(list.slice(1).map(({ text }) => text), ['0:05', '0:10', '0:15', '0:20', '0:25', '0:30']);
  const hours = scale.labels({ from: 0, to: 3 * 3_600_000 }, 1_100).slice(1);
  assert.deepEqual(hours.map(({ text }) => text), ['30:00', '1:00:00', '1:30:00', '2:00:00', '2:30:00']);
  for (const span of [1, 500, 90_000, 9e6, 9e8, 9e10]) {
    const all = scale.labels({ from: 0, to: span }, 1_100);
    assert.ok(all.length <= 9 && all.every(({ x }) => x <= 1_076), String(span));
  }
});

test('a step is the nearest stop in its direction', () => {
  assert.equal(scale.stop([30, 10, 20], 20, 1), 30);
  assert.equal(scale.stop([30, 10, 20], 20, -1), 10);
  assert.equal(scale.stop([30, 10, 20], 30, 1), null);
});

test('the value is a time and an event', () => {
  assert.match(scale.valueText(0, 4_211, 9_870), /^\d\d:\d\d:\d\d, event 4,211 of 9,870$/);
});

test('a replay goes as fast as it is told, waits in a hidden tab, and ends', () => {
  const begun = { at: 1_000, speed: 4, since: 0 };
  assert.deepEqual(replay.played(begun, 100, 9_000), { at: 1_400, speed: 4, since: 100 });
  assert.equal(replay.played(begun, 600_000, 9_000).at, 5_000);
  assert.equal(replay.played(begun, 100, 1_300), null);
});

test('a replay begins at the moment that is shown, at the end from the start', () => {
  assert.equal(replay.beginning({ live: true, at: null }, range), 10_000);
  assert.equal(replay.beginning({ live: false, at: 12_000 }, range), 12_000);
  assert.equal(replay.beginning({ live: false, at: 19_900 }, range), 10_000);
  assert.deepEqual([20_000, 60_000, 3_600_000].map(replay.firstSpeed), [1, 4, 16]);
});
