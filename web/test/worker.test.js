// The worker's session in front of a real server.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually } from './support/session.js';
import { joined, log, open, post, PRODUCER, seen, server, step, story } from './support/worker.js';

test('a page that is there before the first event waits, and then sees everything', async () => {
  const page = open('before');
  await eventually(() => page.head?.word === 'waiting' && page.connection?.status === 'live');
  await post('before', story(), PRODUCER);
  await eventually(() => page.head.seq > 15 && page.tests.size === 4);
  await eventually(() => page.texts().includes('output of 3'));
  assert.equal(page.head.word, 'failing');
  assert.deepEqual(page.head.counts, { failed: 1, flaky: 0, passed: 2, skipped: 0, running: 1, queued: 0, asks: 0 });
  assert.deepEqual(
    page.head.slots.map(({ label, running }) => [label, running]),
    [
      ['0', false],
      ['1', true],
    ],
  );
  assert.equal(page.head.meta.number, 7);
});

test('whoever joins in the middle or at the end sees the same as whoever was there', async () => {
  const events = story(6);
  await post('same', events.slice(0, 12), PRODUCER);
  const middle = open('same');
  await eventually(() => middle.complete && middle.head.seq === 12);
  await post('same', events.slice(12), PRODUCER);
  await eventually(() => middle.head.seq === events.length && middle.texts().includes('output of 5'));
  const late = open('same');
  await eventually(() => late.complete && late.texts().includes('output of 5'));
  assert.deepEqual(seen(middle), seen(late));
  assert.equal(late.tests.get('0:t5').startedAt !== null, true);
  assert.equal(late.tests.get('0:t5').step.startedAt !== null, true);
  assert.equal(typeof late.tests.get('0:t1').failedSeq, 'number');
});

test('a test that is open has its attempts and steps, and is told only what changed', async () => {
  await post('detail', story(), PRODUCER);
  const page = open('detail');
  await eventually(() => page.complete);
  page.tell({ type: 'test', key: '0:t1' });
  await eventually(() => page.detail && !page.detail.loading);
  assert.deepEqual(
    page.detail.attempts.map(({ status: is, errors }) => [is, errors[0].location]),
    [['failed', 'a.ts:1:2']],
  );
  assert.deepEqual(
    [...page.detail.steps.values()].map(({ title, state, durationMs }) => [title, state, durationMs]),
    [['Click', 'passed', 5]],
  );
  page.tell({ type: 'test', key: '0:t3' });
  await eventually(() => page.detail.key === '0:t3' && !page.detail.loading && page.detail.steps.size === 1);
  const told = [];
  const { receive } = page;
  page.receive = (message) => (message.type === 'detail' && told.push(message), receive.call(page, message));
  await post(
    'detail',
    [step('t3', '2', 'begin', { title: 'Fill' }), step('t0', '9', 'begin', { title: 'not ours' })],
    PRODUCER,
  );
  await eventually(() => page.detail.steps.size === 2);
  assert.deepEqual(
    told.map(({ steps, reset }) => [steps.map(({ title }) => title), reset]),
    [[['Fill'], false]],
  );
});

test('the log of one test, of one slot and of the run', async () => {
  await post('scopes', story(6), PRODUCER);
  const page = open('scopes');
  await eventually(() => page.complete && page.log.rows.length > 0);
  page.openLog({ of: 'test', key: '0:t1' });
  await eventually(() => page.texts().includes('output of 1'));
  assert.deepEqual(
    page.log.rows.map(({ kind }) => kind),
    ['test', 'log', 'error', 'test'],
  );
  page.openLog({ of: 'slot', producer: 'p1', slot: 0 });
  await eventually(() => page.texts().includes('output of 4'));
  assert.deepEqual(
    page.texts().filter((text) => text.startsWith('output')),
    ['output of 0', 'output of 2', 'output of 4'],
  );
});

test('a long log grows at its edges, begins around an event, and follows the tip', async () => {
  const lines = Array.from({ length: 6_000 }, (_, at) => log(`line ${at + 1}`));
  for (let at = 0; at < lines.length; at += 2_000) await post('long', lines.slice(at, at + 2_000), PRODUCER);
  const page = open('long');
  await eventually(() => page.log.rows.length > 0);
  assert.equal(page.texts().at(-1), 'line 6000');
  assert.ok(page.log.rows.length <= 2_000 && page.log.earlier && !page.log.later);
  const first = page.log.rows[0].seq;
  page.more('earlier');
  await eventually(() => page.log.rows[0].seq < first);
  page.openLog({ of: 'run' }, 3_000);
  await eventually(
    () => page.log.rows.some(({ seq }) => seq === 3_000) && page.log.rows.some(({ seq }) => seq === 2_999),
  );
  assert.ok(page.log.earlier && page.log.later);
  const last = page.log.rows.at(-1).seq;
  await post('long', [log('new')], PRODUCER);
  await eventually(() => page.head.seq === 6_001);
  assert.equal(page.log.rows.at(-1).seq, last, 'a log that does not show the tip does not follow it');
  for (let round = 0; page.log.later && round < 20; round += 1) {
    const { length } = page.log.rows;
    page.more('later');
    await eventually(() => page.log.rows.length > length || !page.log.later);
  }
  assert.equal(page.texts().at(-1), 'new');
  const seqs = page.log.rows.map(({ seq }) => seq);
  assert.deepEqual(
    seqs,
    Array.from({ length: seqs.length }, (_, at) => seqs[0] + at),
  );
  await post('long', [log('newer')], PRODUCER);
  await eventually(() => page.texts().at(-1) === 'newer');
});

test('moments of the past: from what was seen, and from the server', async () => {
  const events = story(6);
  await post('past', events.slice(0, 10), PRODUCER);
  const page = open('past');
  await eventually(() => page.complete && page.head.seq === 10);
  await post('past', events.slice(10), PRODUCER);
  await eventually(() => page.head.seq === events.length);
  for (const seq of [4, 20, 9, 12]) page.tell({ type: 'moment', to: { seq } });
  await eventually(() => page.moment.seq === 12 && !page.moment.loading && page.head.seq === 12);
  assert.equal(page.head.ticking, false);
  assert.deepEqual(
    [...page.tests.values()].map(({ status: is }) => is),
    ['passed', 'failed', 'pending', 'pending', 'pending', 'pending'],
  );
  assert.equal(page.tests.get('0:t1').failedSeq, 12);
  await eventually(() => page.log.rows.length > 0);
  assert.equal(Math.max(...page.log.rows.map(({ seq }) => seq)), 12);
  page.tell({ type: 'moment', to: { seq: 2 } });
  await eventually(() => page.head.seq === 2 && !page.moment.loading);
  assert.equal(page.head.counts.queued, 6);
  await post('past', [log('while one looks at the past')], PRODUCER);
  await eventually(() => page.connection.seq === events.length + 1);
  assert.equal(page.head.seq, 2);
  page.tell({ type: 'moment', to: 'live' });
  await eventually(
    () =>
      page.moment.live && page.head.seq === events.length + 1 && page.texts().at(-1) === 'while one looks at the past',
  );
  assert.deepEqual(seen(page), seen(await joined('past', events.length + 1)));
  const at = (await page.call('event', { seq: 12 })).at;
  page.tell({ type: 'moment', to: { at: Date.parse(at) } });
  await eventually(() => !page.moment.live && !page.moment.loading && page.head.seq >= 12);
});
