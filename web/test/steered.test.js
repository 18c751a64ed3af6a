import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { isHeld, Steered, targetOf } = await load('worker/steered.ts');

test('questions that ended are remembered with who answered, and those that are open again are not', () => {
  const steered = new Steered();
  const by = { subject: 'ada', name: 'Ada', kind: 'human' };
  steered.take({ seq: 1, type: 'ask_answered', askId: 'a', at: '1970-01-01T00:00:05Z', by, commandId: 'c' });
  steered.take({ seq: 2, type: 'ask_expired', askId: 'b', at: '1970-01-01T00:00:06Z', reason: 'timeout' });
  steered.take({ seq: 3, type: 'ask_expired', askId: 'd', at: '1970-01-01T00:00:07Z', reason: 'interrupted' });
  assert.deepEqual(steered.endedAsks, [
    { askId: 'a', how: 'answered', at: 5_000, by, commandId: 'c' },
    { askId: 'b', how: 'expired', at: 6_000, by: null, commandId: null },
    { askId: 'd', how: 'interrupted', at: 7_000, by: null, commandId: null },
  ]);
  steered.take({ seq: 4, type: 'ask_reopened', askId: 'a' });
  assert.deepEqual(steered.endedAsks.map(({ askId }) => askId), ['b', 'd']);
  for (let one = 0; one < 100; one += 1) steered.take({ seq: one, type: 'ask_expired', askId: `x${one}` });
  assert.equal(steered.endedAsks.length, 20);
});

test('who asks for control is known until it changes hands', () => {
  const steered = new Steered();
  steered.take({ seq: 1, type: 'control_wanted', name: 'Bob', timestamp: '1970-01-01T00:00:01Z' });
  assert.deepEqual(steered.wantedBy, { name: 'Bob', at: 1_000 });
  steered.take({ seq: 2, type: 'control_wanted', name: 7 });
  assert.equal(steered.wantedBy.name, 'Bob');
  steered.take({ seq: 3, type: 'control_released' });
  assert.equal(steered.wantedBy, null);
});

test('a producer holds once it has said so', () => {
  const paused = { since: '', until: '', by: {} };
  const given = (type, seq, more = {}) => ({ type, cursor: `1:${seq}`, state: 'queued', ...more });
  const held = (commands, producer, pause = paused) => isHeld({ commands, paused: pause }, producer);
  assert.equal(held([given('pause', 5)], 'p'), false, 'it was told only');
  assert.equal(held([given('pause', 5, { producers: { p: 'done' } })], 'p'), true);
  assert.equal(held([given('pause', 5, { producers: { p: 'done' } })], 'q'), false);
  assert.equal(held([given('pause', 5, { state: 'done' })], 'p', null), false, 'no pause goes on');
  const one = [given('pause', 5, { state: 'done', target: { producer: 'q' } })];
  assert.deepEqual([held(one, 'p'), held(one, 'q')], [false, true]);
  const resumed = [given('pause', 5, { state: 'done' }), given('resume', 6)];
  assert.equal(held(resumed, 'p'), true, 'until it goes on');
  assert.equal(held([resumed[0], given('resume', 6, { state: 'done' })], 'p'), false);
  assert.equal(targetOf({ target: { slot: { producer: 'q', slot: 1 } } }), 'q');
  assert.equal(targetOf({}), null);
});
