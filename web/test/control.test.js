import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { offersOf, pausingOf, obeyed } = await load('run/control/offers.ts');
const { refusalOf } = await load('run/control/refusals.ts');
const { wishOf, standOf, passedBy, listed } = await load('run/control/command-words.ts');
const { newsOf } = await load('run/notify/news.ts');

const producer = (id, can, state = 'joined') => ({ producer: id, state, can, variant: null, shard: null });
const head = (more = {}) => ({ over: false, steerable: true, producers: [producer('p', ['pause', 'resume', 'step'])], paused: null, commands: [], slots: [], ...more });
const paused = { since: 1, until: 2, by: { name: 'Ada' } };
const given = (type, state, seq, more = {}) => ({ commandId: `c${seq}`, type, state, seq, producer: null, at: seq, event: null, ...more });
const offers = (more, at = {}) => offersOf({ head: head(more), live: true, may: true, connection: 'live', producer: null, ...at });

test('nothing is offered in the past, after the end, and where nobody obeys, and it is said why', () => {
  assert.match(offers({}, { live: false }).nothing, /Go live/);
  assert.match(offers({}, { may: false }).nothing, /You may watch this run, not steer it/);
  assert.equal(offers({}, { may: false }).cancel.on, false);
  assert.match(offers({ over: true }).nothing, /ended/);
  assert.match(offers({ steerable: false }).nothing, /No worker of this run takes commands/);
  assert.match(offers({}, { connection: 'closed' }).nothing, /no connection/);
  assert.equal(offers({}, { live: false }).pause.on, false);
  assert.equal(offers({}, { live: false }).control.on, false);
});

test('what the workers can is offered, and steps only while the run is paused', () => {
  const running = offers({});
  assert.deepEqual([running.pause.on, running.resume.on, running.step.on, running.hold.on], [true, false, false, false]);
  assert.match(running.step.why, /while the run is paused/);
  assert.match(running.hold.why, /do not hold/);
  const held = offers({ paused, commands: [given('pause', 'done', 5)] });
  assert.deepEqual([held.pause.on, held.resume.on, held.step.on, held.hand.on], [false, true, true, false]);
  assert.match(held.hand.why, /no actions by hand/);
  assert.equal(offers({ producers: [producer('p', null)], paused, commands: [given('pause', 'done', 5)] }).hand.on, true, 'who says nothing obeys all');
  assert.equal(offers({ producers: [producer('p', null, 'left')] }).hold.on, false);
  assert.equal(obeyed([producer('p', ['step']), producer('q', [])], 'step', 'q'), false);
});

test('a run is about to pause until its workers say that they hold', () => {
  const stand = (more, whom = null) => pausingOf(head(more), whom);
  assert.equal(stand({}), 'running');
  assert.equal(stand({ paused, commands: [given('pause', 'queued', 5)] }), 'pausing');
  assert.equal(stand({ paused, commands: [given('pause', 'done', 5)] }), 'paused');
  const slots = [{ producer: 'p', running: true, paused: true }];
  assert.equal(stand({ slots, commands: [given('pause', 'done', 5), given('resume', 'queued', 6)] }), 'resuming');
  assert.equal(stand({ commands: [given('pause', 'done', 5), given('resume', 'done', 6)] }), 'running');
  const other = { paused, commands: [given('pause', 'done', 5, { target: 'q' })], slots: [{ producer: 'p', running: true, paused: false }] };
  assert.equal(stand(other, 'p'), 'running', 'the pause of another producer');
  assert.equal(stand(other, 'q'), 'paused');
  assert.equal(stand(other), 'running', 'as long as one of them runs');
  assert.equal(stand({ ...other, slots: [{ producer: 'q', running: true, paused: true }] }), 'paused');
});

test('refusals are said in words', () => {
  const said = (code, members = {}, detail = '') => refusalOf({ code, members, detail });
  assert.equal(said('lease_held', { holder: { name: 'Ada' } }), 'Ada has control.');
  assert.equal(said('lease_held'), 'Somebody else has control.');
  assert.equal(said('lease_lost', { holder: { name: 'Ada' } }), 'Ada has taken control.');
  assert.equal(said('run_ended'), 'The run has ended.');
  assert.equal(said('nobody_obeys'), 'No worker of this run does that.');
  assert.equal(said('already_answered', { how: 'answered', by: { name: 'Ada' } }), 'Ada has answered it.');
  assert.equal(said('already_answered', { how: 'expired' }), 'The time for the answer was over.');
  assert.equal(said('expectation_failed', { state: { askId: 'answered' } }), 'The run has moved on: the question is answered.');
  assert.equal(said('expectation_failed', { state: { target: 'left' } }), 'The run has moved on: the worker is not there any more.');
  assert.equal(said('expectation_failed'), 'The run has moved on.');
  assert.equal(said('too_many_commands', { retryAfterMs: 1_500 }), 'Too many commands. Try again in 2 s.');
  assert.equal(said('too_many_commands'), 'This run has as many commands as it may have.');
  assert.match(said('invalid_command', { field: 'secs' }, 'secs: must be 5 to 86400'), /secs: must be/);
  assert.equal(said('something_new', {}, 'in the words of the server'), 'in the words of the server');
  assert.equal(said('something_new'), 'The server refused: something_new.');
});

test('the codes of the protocol all have words', async () => {
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
  const table = text.slice(text.indexOf('### Refusals'), text.indexOf('## Artifacts'));
  const codes = [...table.matchAll(/^\| \d+ \| `(\w+)`/gm)].map(([, code]) => code).filter((code) => code !== 'invalid_claim_key');
  assert.ok(codes.length > 20);
  for (const code of codes) assert.doesNotMatch(refusalOf({ code, detail: '', members: {} }), /The server refused/, code);
});

test('a command says what it wants and how far it has come', () => {
  assert.deepEqual(wishOf(given('manual_action', 'queued', 1, { event: { action: { action: 'click', point: { x: 3, y: 4 } } } })), { name: 'By hand', says: 'click 3, 4' });
  assert.deepEqual(wishOf(given('update_instructions', 'queued', 1, { event: { instructions: 'be quick' } })), { name: 'Instructions', says: 'be quick' });
  assert.deepEqual(wishOf(given('cancel', 'queued', 1, { event: { testId: 't' } })), { name: 'Cancel a test', says: null });
  assert.deepEqual(wishOf(given('of_a_later_version', 'queued', 1)), { name: 'of_a_later_version', says: null });
  assert.deepEqual(passedBy(given('step', 'done', 1, { producer: 'p' })), ['queued', 'accepted']);
  assert.deepEqual(passedBy(given('pause', 'done', 1)), ['queued'], 'a wish is claimed by nobody');
  assert.equal(standOf(given('answer', 'done', 1)).word, 'in the log');
  assert.equal(standOf(given('answer', 'done', 1, { producer: 'p' })).word, 'done');
  assert.equal(standOf(given('step', 'rejected', 1)).tone, 'fail');
  const all = [given('pause', 'done', 1), given('step', 'queued', 2), given('resume', 'done', 3)];
  assert.deepEqual(listed(all, 2).map(({ seq }) => seq), [2, 3], 'open ones first, then the newest');
});

test('one is notified when the run needs somebody, and when it ends', () => {
  const run = { runId: 'r', over: false, word: 'running', asks: [], counts: { failed: 0, flaky: 0, passed: 3 }, meta: { project: 'shop' } };
  const asks = { ...run, asks: [{ askId: 'a', question: 'Which one?' }] };
  assert.equal(newsOf(null, asks), null, 'what was there before is no news');
  assert.equal(newsOf(run, run), null);
  assert.deepEqual(newsOf(run, asks), { title: 'Needs you: shop', body: 'Which one?', tag: 'runcast/r/ask' });
  assert.equal(newsOf(asks, asks), null);
  assert.deepEqual(newsOf(run, { ...run, over: true, word: 'failed', counts: { failed: 1, flaky: 0, passed: 3 } }), { title: 'Failed: shop', body: '1 failed, 3 passed', tag: 'runcast/r/end' });
});
