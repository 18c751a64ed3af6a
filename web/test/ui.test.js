import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { oneLine } = await load('ui/text.tsx');
const { shownOf } = await load('ui/status.ts');
const { Speaker, QUIET_MS } = await load('ui/announce.ts');

test('hostile texts are one line of text, cut between characters', () => {
  assert.equal(oneLine('<img src=x onerror=alert(1)>'), '<img src=x onerror=alert(1)>');
  assert.equal(oneLine('a\u0000b\r\n  c\td'), 'ab c d');
  assert.equal(oneLine('\u001b[31mred\u001b[0m'), 'red');
  assert.equal(oneLine('x'.repeat(240_000)).length, 401);
  assert.equal(oneLine('😀'.repeat(300), 3), '😀…');
});

test('texts that nobody would see are written in escapes', () => {
  assert.equal(oneLine(''), '(empty)');
  assert.equal(oneLine('\u200b\u200d'), '\\u200b\\u200d');
  assert.equal(oneLine('\u0000'), '\\u0000');
  assert.equal(oneLine('\u202e'), '\\u202e');
  assert.equal(oneLine('\u202egnp.exe'), 'gnp.exe', 'nothing turns around');
});

test('what a test needs goes before what became of it', () => {
  const shown = (more) =>
    shownOf({ status: 'running', outcome: null, askId: null, held: false, paused: false, ...more });
  assert.equal(shown({}), 'running');
  assert.equal(shown({ paused: true }), 'paused');
  assert.equal(shown({ askId: 'a', paused: true }), 'ask');
  assert.equal(shown({ status: 'failed', held: true }), 'held');
  assert.equal(shown({ status: 'failed', outcome: 'expected' }), 'passed');
  assert.equal(shown({ status: 'passed', outcome: 'unexpected' }), 'failed');
  assert.equal(shown({ status: 'passed', outcome: 'flaky' }), 'flaky');
  assert.equal(shown({ status: 'timedout', outcome: 'unexpected' }), 'timedout');
  assert.equal(shown({ status: 'skipped', outcome: 'skipped' }), 'skipped');
  assert.equal(shown({ status: 'pending' }), 'queued');
});

test('the polite region speaks at most every five seconds, and of a topic the newest', () => {
  const said = [];
  let now = 1_000;
  const timers = [];
  const speaker = new Speaker(
    (text) => said.push(text),
    () => now,
    (run, ms) => timers.push({ run, ms }),
  );
  speaker.say('1 failed', 'counts');
  assert.deepEqual(said, ['1 failed']);
  now += 1_000;
  speaker.say('2 failed', 'counts');
  speaker.say('Copied');
  speaker.say('3 failed', 'counts');
  assert.deepEqual(said, ['1 failed']);
  assert.deepEqual(
    timers.map(({ ms }) => ms),
    [QUIET_MS - 1_000],
  );
  now += timers[0].ms;
  timers[0].run();
  assert.deepEqual(said, ['1 failed', 'Copied. 3 failed']);
});
