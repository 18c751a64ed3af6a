import assert from 'node:assert/strict';
import { test } from 'node:test';

import { shortened } from '../dist/publish-shorten.js';
import { keeper, log, numbersOf, problem, publisher, upTo } from './support/publisher.js';
import { eventually, server } from './support/runcast.js';
import { fake } from './support/servers.js';

test('an answer of 413 splits the request, and nothing is lost', async (t) => {
  const keep = await keeper(t, ({ events }, response) => events.length > 3 && (response.writeHead(413).end('large'), true));
  const p = publisher(t, keep.url);
  for (const number of upTo(50)) p.emit(log(number));
  assert.equal((await p.flush()).delivered, true);
  assert.deepEqual(keep.stored.map(({ number }) => number), upTo(50));
  const real = await server(t, { INGEST__MAX_BATCH_EVENTS: 7 });
  const q = publisher(t, real.url);
  for (const number of upTo(100)) q.emit(log(number));
  assert.equal((await q.flush()).delivered, true);
  assert.deepEqual(numbersOf(await real.events('r1')), upTo(100));
});

test('an event that is too large is posted shorter, and what else is refused is left out alone', async (t) => {
  const node = await server(t, { INGEST__MAX_EVENT_BYTES: 65_536 });
  const p = publisher(t, node.url);
  p.emit(log(0));
  p.emit({ type: 'run_status', status: 'no such' });
  const error = { message: 'x'.repeat(200_000) };
  p.emit({ type: 'test_status', testId: 't1', status: 'failed', data: { errors: [error] } });
  p.emit(log(1));
  p.emit({ type: 'epoch' });
  p.emit({ type: 'custom', ...Array.from({ length: 40_000 }, (_, index) => index) });
  p.emit({ type: 'log', text: 'circle', get self() { return this; } });
  p.emit({ type: 'log', big: 1n });
  p.emit(log(2));
  assert.equal((await p.flush()).delivered, true);
  const events = await node.events('r1');
  assert.deepEqual(events.map(({ type }) => type), ['log', 'test_status', 'log', 'log', 'log']);
  assert.deepEqual(numbersOf(events), [0, 1, undefined, 2]);
  assert.match(events[1].data.errors[0].message, /^x+… \(\d+ characters more\)$/);
  assert.match(events[3].text, /^An event of type custom with \d+ characters was left out: event_too_large/);
  assert.deepEqual([p.stats.refused, p.stats.pending, p.stats.pendingBytes], [4, 0, 0]);
  const kinds = p.problems.map(({ kind }) => kind).sort();
  assert.deepEqual([...new Set(kinds)], ['event-refused', 'event-shortened']);
  assert.match(p.problems.map(({ message }) => message).join('\n'), /an event of type epoch was refused: reserved_type/);
});

test('an event that is too large is cut, but stays what it is', () => {
  const of = (event, most) => JSON.parse(shortened(JSON.stringify(event), most, 'too large'));
  const error = { message: 'm'.repeat(2_000), stack: 's'.repeat(2_000) };
  const end = { type: 'test_status', testId: 't', status: 'failed', data: { attempt: 1, errors: Array(20).fill(error) } };
  const cut = of(end, 50_000);
  assert.deepEqual({ ...cut, data: { ...cut.data, errors: cut.data.errors.length } }, { ...end, data: { attempt: 1, errors: 20 } });
  assert.equal(cut.data.errors[0].message, `${'m'.repeat(1_024)}… (976 characters more)`);
  const many = of({ ...end, data: { attempt: 1, errors: Array(5_000).fill(error) } }, 100_000);
  assert.deepEqual([many.type, many.status, many.shortened, many.data.attempt, many.data.errors.length], ['test_status', 'failed', true, 1, 100]);
  const params = Object.fromEntries(upTo(10_000).map((number) => [`p${number}`, number]));
  const step = of({ type: 'test_step', testId: 't', step: { stepNumber: 1, phase: 'begin', title: 'a', params } }, 10_000);
  assert.deepEqual([step.step.title, Object.keys(step.step.params).length], ['a', 100]);
  assert.match(of({ type: 'x', a: upTo(1_000).map(String) }, 50).text, /^An event of type x with \d+ characters was left out: too large$/);
});

test('a full queue loses steps of passed tests first, then log, and never a status; the run says how many', async (t) => {
  const node = await server(t);
  await node.kill();
  const p = publisher(t, node.url, { queueBytes: 400_000 });
  const step = (testId, number, more) => ({ type: 'test_step', testId, step: { stepNumber: number, title: 'x'.repeat(100), ...more } });
  p.emit({ type: 'test_status', testId: 'running', status: 'running' });
  for (const testId of ['passes', 'fails']) {
    for (const number of upTo(500)) p.emit(step(testId, number));
  }
  p.emit(step('passes', 500, { error: { message: 'soft' } }));
  p.emit({ type: 'test_status', testId: 'passes', status: 'passed' });
  p.emit({ type: 'test_status', testId: 'fails', status: 'failed' });
  for (const number of upTo(600)) p.emit(log(number));
  await eventually(() => p.stats.retries > 0);
  assert.ok(p.stats.dropped >= 200 && p.stats.dropped <= 520, String(p.stats.dropped));
  for (const number of upTo(3_000)) p.emit(log(600 + number));
  assert.ok(p.stats.pendingBytes <= 420_000, String(p.stats.pendingBytes));
  const { dropped } = p.stats;
  await node.start();
  assert.equal((await p.flush({ timeoutMs: 60_000 })).delivered, true);
  const events = await node.events('r1');
  const statuses = events.filter(({ type }) => type === 'test_status').map(({ testId }) => testId);
  assert.deepEqual(statuses, ['running', 'passes', 'fails']);
  // What was on its way when the queue became full came through.
  const steps = (testId) => events.filter((event) => event.type === 'test_step' && event.testId === testId).length;
  assert.ok(steps('fails') > 490, `${steps('fails')}`);
  assert.ok(events.some((event) => event.step?.error));
  const logs = numbersOf(events);
  assert.equal(logs.at(-1), 3_599, 'the newest stay');
  const lost = events.filter(({ type }) => type === 'events_lost');
  assert.equal(lost.reduce((sum, { from, to }) => sum + to - from + 1, 0), dropped);
  assert.ok(lost.length <= 2, 'told in few events');
  assert.equal(events.length - lost.length + dropped, p.stats.emitted);
  assert.deepEqual(p.problems.map(({ kind }) => kind).sort(), ['events-dropped', 'unreachable']);
});

test('a full queue can be waited for, and loses nothing', async (t) => {
  const keep = await keeper(t, async () => void (await new Promise((resolve) => setTimeout(resolve, 5))));
  const p = publisher(t, keep.url, { queueBytes: 20_000, onFull: 'block' });
  let most = 0;
  for (const number of upTo(3_000)) {
    await p.emit(log(number));
    most = Math.max(most, p.stats.pendingBytes);
  }
  await p.flush();
  assert.deepEqual(keep.stored.map(({ number }) => number), upTo(3_000));
  assert.ok(most <= 21_000, String(most));
});

test('whoever does not wait for a full queue is told, and memory stays bounded', async (t) => {
  const keep = await keeper(t, () => true);
  const p = publisher(t, keep.url, { queueBytes: 20_000, onFull: 'block' });
  const waits = upTo(1_000).map((number) => p.emit(log(number)));
  assert.ok(p.stats.pendingBytes <= 40_000);
  await assert.rejects(waits.at(-1), { name: 'QueueFullError' });
  assert.ok(p.stats.dropped > 700);

  const q = publisher(t, keep.url, { queueBytes: 20_000, onFull: 'throw' });
  assert.throws(() => upTo(1_000).forEach((number) => q.emit(log(number))), { name: 'QueueFullError' });
  assert.ok(q.stats.pendingBytes <= 20_000);
  assert.equal(q.stats.dropped, 0, 'the caller knows');

  const kept = publisher(t, keep.url, { queueBytes: 20_000 });
  for (const number of upTo(1_000)) kept.emit({ type: 'test_status', testId: `t${number}`, status: 'running' });
  assert.ok(kept.stats.pendingBytes <= 40_000, 'also with what never goes by itself');
  assert.ok(kept.stats.dropped > 700);
});

test('large requests are compressed, until a server can not', async (t) => {
  const keep = await keeper(t, ({ headers }, response) => {
    return headers['content-encoding'] !== undefined && (problem(response, 415, 'unsupported_encoding'), true);
  });
  const p = publisher(t, keep.url);
  p.emit(log('x'.repeat(5_000)));
  await p.flush();
  p.emit(log('y'.repeat(5_000)));
  await p.flush();
  assert.deepEqual(keep.posts.map(({ headers }) => headers['content-encoding']), ['gzip', undefined, undefined]);
  assert.ok(keep.posts[0].size < 300);
});

test('a larger request that was stored after all is not posted again in parts', async (t) => {
  let attempts = 0;
  const keep = await keeper(t, ({ events }, response, request) => {
    attempts += 1;
    if (attempts === 2) return response.writeHead(413).end() || true;
    if (attempts !== 1) return false;
    // It is stored, and the answer is lost.
    keep.stored.push(...events);
    keep.high = events.length;
    request.socket.resetAndDestroy();
    return true;
  });
  // The keeper counts by its own numbers: it must know what was stored.
  const p = publisher(t, keep.url);
  for (const number of upTo(10)) p.emit(log(number));
  await eventually(() => keep.posts.length >= 3);
  keep.close();
  const first = keep.posts[2];
  assert.deepEqual([first.first, first.events.length], [1, 5]);
});

test('memory stays bounded while the server is away, whatever is emitted', async (t) => {
  const closed = await fake(t, () => {});
  closed.close();
  const p = publisher(t, closed.url, { queueBytes: 4 * 1024 * 1024 });
  const text = 'x'.repeat(500);
  const before = process.memoryUsage();
  for (const number of upTo(300_000)) {
    p.emit(number % 3 ? { type: 'log', text, number } : { type: 'test_step', testId: 't', step: { stepNumber: number, title: text } });
    if (number % 10_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(p.stats.pendingBytes <= 4.5 * 1024 * 1024, String(p.stats.pendingBytes));
  assert.ok(p.stats.dropped > 280_000);
  const grown = process.memoryUsage().heapUsed - before.heapUsed;
  assert.ok(grown < 100 * 1024 * 1024, `${grown}`);
});
