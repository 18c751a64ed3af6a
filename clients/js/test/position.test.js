import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Position } from '../dist/position.js';

const connected = (cursor, tip, epoch = cursor.includes(':') ? cursor.split(':')[0] : null) => ({
  type: 'connected', cursor, tip, epoch, from: Number(cursor.split(':').pop()) + 1, heartbeatSecs: 20,
});
const take = (position, ...seqs) => seqs.map((seq) => position.event(seq));

test('a connection that was opened earlier repeats what is known, and then tells news', () => {
  const position = new Position('');
  position.connected(connected('7:0', 3));
  assert.deepEqual(take(position, 1, 2, 3, 4), ['new', 'new', 'new', 'new']);
  assert.equal(position.connected(connected('7:2', 5)), 'known');
  assert.deepEqual(take(position, 3, 4, 5, 6), ['known', 'known', 'new', 'new']);
  assert.deepEqual([position.cursor, position.tip], ['7:6', 6]);
});

test('a hole, and a place that is ahead, are never taken', () => {
  const position = new Position('7:4');
  assert.equal(position.connected(connected('7:9', 9)), 'resync');
  assert.equal(position.after, '7:4');
  position.connected(connected('7:4', 9));
  assert.deepEqual(take(position, 6), ['resync']);
});

test('an epoch without a loss is adopted where it is sure, else the server has to decide', () => {
  const position = new Position('7:4');
  assert.equal(position.connected(connected('8:4', 4, '8')), 'new');
  assert.equal(position.after, '8:4');
  assert.deepEqual(take(position, 5, 6), ['new', 'new']);
  assert.equal(position.epoch({ type: 'epoch', epoch: '9', cursor: '9:6' }), 'new');
  assert.equal(position.after, '9:6');
  // Another connection that was opened at 4 speaks of another epoch: 5 and 6 may have been lost in it.
  assert.equal(position.connected(connected('10:4', 6, '10')), 'resync');
  assert.equal(position.after, '9:6');
  position.connected(connected('9:4', 6, '9'));
  assert.equal(position.epoch({ type: 'epoch', epoch: '10', cursor: '10:4' }), 'resync');
});

test('the first event of a run brings its epoch', () => {
  const position = new Position('');
  position.connected(connected('0', 0));
  assert.equal(position.cursor, '0');
  assert.equal(position.epoch({ type: 'epoch', epoch: '7', cursor: '7:0' }), 'new');
  assert.deepEqual(take(position, 1), ['new']);
  assert.equal(position.after, '7:1');
});

test('a reset moves back, to an epoch or to none, and only where it was decided for this place', () => {
  const position = new Position('7:9');
  position.connected(connected('7:9', 5, '8'));
  assert.equal(position.reset({ type: 'reset', epoch: '8', from: 4, cursor: '8:3' }), 'new');
  assert.deepEqual([position.after, position.tip], ['8:3', 5]);
  assert.deepEqual(take(position, 4, 5), ['new', 'new']);
  position.connected(connected('8:4', 5, '8'));
  assert.equal(position.reset({ type: 'reset', epoch: '9', from: 3, cursor: '9:2' }), 'resync');
  assert.equal(position.after, '8:5');
  position.connected(connected('8:5', 5, '8'));
  assert.equal(position.reset({ type: 'reset', epoch: null, from: 1, cursor: '0' }), 'new');
  assert.equal(position.after, '0');
});

test('a gap moves on, and one that is passed already is known', () => {
  const position = new Position('');
  position.connected(connected('7:0', 20));
  assert.equal(position.gap({ type: 'gap', from: 1, to: 9, reason: 'expired', cursor: '7:9' }), 'new');
  assert.deepEqual(take(position, 10, 11), ['new', 'new']);
  position.connected(connected('7:5', 20));
  assert.equal(position.gap({ type: 'gap', from: 6, to: 9, reason: 'expired', cursor: '7:9' }), 'known');
  assert.deepEqual(take(position, 10, 11, 12), ['known', 'known', 'new']);
});
