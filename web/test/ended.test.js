import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { blockAt, lanesOf, ticks } = await load('run/ended/lanes.ts');
const { groupsOf } = await load('run/ended/groups.ts');
const { whyEnded } = await load('run/ended/why.ts');

const row = (key, more = {}) => ({
  key, testId: key, variant: null, path: [key], file: null, line: null, project: null, tags: [], annotations: [], order: 0, status: 'passed', outcome: 'expected',
  attempt: 0, producer: 'p', slot: 0, slotLabel: '0', startedAt: 0, durationMs: 1_000, error: null, errorLocation: null, step: null, failedSeq: null, paused: false,
  askId: null, held: false, ...more,
});

test('tests are in the lane of their worker, in the order in which they began', () => {
  const lanes = lanesOf([row('b', { startedAt: 1_000 }), row('a'), row('c', { slot: 10, slotLabel: '10' }), row('d', { slot: 2, slotLabel: '2' })]);
  assert.deepEqual(lanes.lanes.map(({ name, blocks }) => [name, blocks.map((block) => block.test)]), [['0', ['a', 'b']], ['2', ['d']], ['10', ['c']]]);
  assert.equal(lanes.to - lanes.from, 2_000);
  assert.ok(Math.abs(lanes.busy - 4 / 6) < 0.001);
});

test('a retried test reaches from its first attempt on, and no moment is counted twice', () => {
  const lanes = lanesOf([row('a', { startedAt: 5_000, firstStartedAt: 0, outcome: 'flaky' }), row('b', { startedAt: 1_000 })]);
  assert.equal(lanes.lanes[0].blocks[0].state, 'flaky');
  assert.equal(lanes.busy, 1);
});

test('what has no time is counted', () => {
  assert.equal(lanesOf([row('a', { startedAt: null })]), null);
  assert.equal(lanesOf([row('a'), row('b', { slot: null }), row('c', { status: 'pending', startedAt: null })]).unknown, 1);
});

test('64 lanes of 10,000 tests take little time', () => {
  const many = Array.from({ length: 10_000 }, (_, at) => row(String(at), { slot: at % 100, slotLabel: String(at % 100), startedAt: at * 10 }));
  const began = performance.now();
  assert.equal(lanesOf(many).lanes.length, 64);
  assert.ok(performance.now() - began < 500);
});

test('the axis has whole times', () => {
  assert.deepEqual(ticks(52_000, 6), [0, 10_000, 20_000, 30_000, 40_000, 50_000]);
  assert.deepEqual(ticks(900, 6), [0]);
  assert.equal(ticks(7_200_000, 6).at(-1), 7_200_000);
});

test('a block is found by its time, also a little beside it', () => {
  const { blocks } = lanesOf([row('a'), row('b', { startedAt: 2_000 })]).lanes[0];
  assert.equal(blockAt(blocks, 500, 0), 0);
  assert.equal(blockAt(blocks, 1_200, 300), 0);
  assert.equal(blockAt(blocks, 1_500, 100), -1);
  assert.equal(blockAt(blocks, 2_500, 0), 1);
});

const failed = (key, error, more = {}) => row(key, { status: 'failed', outcome: 'unexpected', error, ...more });

test('failures with the same error are together, numbers and ids apart', () => {
  const error = (text, received) => `Error: expect(locator).toBeVisible() failed\n\nLocator: getByText('${text}')\nExpected: visible\nReceived: ${received}\nTimeout: 5000ms`;
  const groups = groupsOf([
    failed('a', error('VAT', 'hidden')), failed('b', error('Name', 'hidden'), { order: 1 }), failed('c', error('VAT', 'hidden'), { order: 2 }),
    failed('d', 'Error: page.goto: order 12 not found'), failed('e', 'Error: page.goto: order 77 not found'), row('f'), row('g', { outcome: 'flaky', error: error('VAT', 'hidden') }),
  ]);
  assert.deepEqual(groups.map(({ tests }) => tests.map(({ key }) => key)), [['a', 'c'], ['d', 'e'], ['b']]);
  assert.equal(groups[0].title, 'expect(locator).toBeVisible() failed');
  assert.equal(groups[0].locator, "getByText('VAT')");
});

test('a test that passed and was expected to fail is a failure', () => {
  assert.equal(groupsOf([row('a', { outcome: 'unexpected' })])[0].title, 'It passed, and was expected to fail.');
});

const run = (more) => ({ word: 'failed', commands: [], endedAt: new Date(2026, 10, 27, 17, 4, 22).getTime(), lastEventAt: null, lastError: null, counts: { queued: 0, running: 0 }, producers: [], shards: [], ...more });

test('what ended a run is said, and by whom', () => {
  const by = { subject: 'ada', name: 'Ada', kind: 'user' };
  assert.equal(whyEnded(run()), null);
  assert.deepEqual(whyEnded(run({ word: 'cancelled', commands: [{ type: 'cancel', seq: 5, by }, { type: 'pause', seq: 9, by: { ...by, name: 'Bo' } }], counts: { queued: 12, running: 1 } })), {
    what: 'Cancelled by Ada at 17:04:22.', more: ['12 tests did not run.', '1 test never ended.'],
  });
  assert.match(whyEnded(run({ word: 'lost', lastEventAt: 0 })).what, /^Lost: /);
  assert.match(whyEnded(run({ word: 'timedout' })).what, /^Timed out at 17:04:22/);
  assert.match(whyEnded(run({ word: 'interrupted' })).what, /^Interrupted at 17:04:22/);
});

test('an error outside the tests is shown, without its colours', () => {
  const why = whyEnded(run({ lastError: { message: "\u001b[31mCannot find module './x'\u001b[39m", at: 0 } }));
  assert.deepEqual(why, { what: 'Something failed outside the tests.', more: ["Cannot find module './x'"] });
});

test('shards that never came are said', () => {
  assert.deepEqual(whyEnded(run({ shards: [{ variant: null, total: 4, joined: 2, missing: [3, 4], waiting: false }] })), { what: 'The run is not whole.', more: ['2 shards never came.'] });
});
