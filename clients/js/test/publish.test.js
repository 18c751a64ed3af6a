import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Publisher } from '../dist/publish.js';
import { keeper, log, numbersOf, problem, publisher, upTo } from './support/publisher.js';
import { contextOf, eventually, server } from './support/runcast.js';
import { bodyOf, fake } from './support/servers.js';

test('events are stored in order, with their time, in few requests', async (t) => {
  const node = await server(t);
  const p = publisher(t, node.url);
  for (const number of upTo(2_000)) p.emit(log(number));
  assert.deepEqual(await p.flush(), { delivered: true, pending: 0 });
  const events = await node.events('r1');
  assert.deepEqual(numbersOf(events), upTo(2_000));
  assert.ok(Date.now() - Date.parse(events[0].timestamp) < 60_000);
  const { stored, requests, refused, pending, pendingBytes } = p.stats;
  assert.deepEqual([stored, requests, refused, pending, pendingBytes], [2_000, 4, 0, 0, 0]);
  assert.match(p.producer, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/);
});

test('a server that is killed and comes back has every event once, in order', async (t) => {
  const node = await server(t);
  const p = publisher(t, node.url, { flushMs: 10, maxBatchEvents: 20 });
  let next = 0;
  const emitting = setInterval(() => {
    for (let count = 0; count < 20; count += 1) p.emit(log(next++));
  }, 5);
  for (let round = 0; round < 4; round += 1) {
    const { stored } = p.stats;
    await eventually(() => p.stats.stored > stored + 100);
    const { retries } = p.stats;
    await node.kill();
    await eventually(() => p.stats.retries > retries);
    await node.start();
  }
  clearInterval(emitting);
  assert.equal((await p.flush({ timeoutMs: 60_000 })).delivered, true);
  const events = [];
  for (let after = 0; events.length < next; ) {
    const page = await node.json(`/api/runs/r1/events?after=${after}&limit=10000`);
    events.push(...page.events);
    after = page.events.at(-1).seq;
  }
  assert.deepEqual(numbersOf(events), upTo(next));
  assert.ok(p.stats.retries > 0);
  assert.ok(p.problems.every(({ kind }) => kind === 'unreachable'), String(p.problems));
});

test('failures that may pass are repeated under the same numbers, and told once', async (t) => {
  const statuses = [500, 429, 404, 401];
  const keep = await keeper(t, (_, response, request, n) => {
    if (n === 1) return request.socket.resetAndDestroy();
    if (n - 2 >= statuses.length) return n === 6 && response.writeHead(200).end('<html>');
    return response.writeHead(statuses[n - 2], { 'retry-after': '0' }).end('no');
  });
  const p = publisher(t, keep.url);
  p.emit(log(0));
  p.emit(log(1));
  await eventually(() => p.stats.stored === 2, 60_000);
  assert.deepEqual([...new Set(keep.posts.map((post) => `${post.first} ${post.events.length}`))], ['1 2']);
  assert.deepEqual(p.problems.map(({ kind }) => kind), ['unreachable']);
  assert.equal(p.stats.retries, 6);
});

test('a flush ends in its time while the server stalls, and says why', async (t) => {
  const keep = await keeper(t, () => true);
  const p = publisher(t, keep.url);
  p.emit(log(0));
  const began = Date.now();
  const report = await p.flush({ timeoutMs: 300 });
  assert.deepEqual([report.delivered, report.pending], [false, 1]);
  assert.ok(Date.now() - began < 2_000);
  assert.equal((await p.close({ timeoutMs: 50 })).delivered, false);
  assert.deepEqual(p.problems.map(({ kind }) => kind), ['lost']);
});

test('a wrong token, a wrong address, a refusal of the whole request: a flush ends at once, and its error says why', async (t) => {
  const refusals = [401, 403, 404, 400, 410, 200];
  for (const status of refusals) {
    const keep = await keeper(t, (_, response) => {
      if (status === 200) response.writeHead(200).end('<html>');
      else problem(response, status, `code_${status}`);
      return true;
    });
    const p = publisher(t, keep.url);
    p.emit(log(0));
    const { delivered, error } = await p.flush({ timeoutMs: 600_000 });
    assert.deepEqual([delivered, error.status, error.name], [false, ...(status === 200 ? [undefined, 'ForeignAnswer'] : [status, 'ApiError'])]);
  }
});

test('hints say how often to post, and which variant the producer is', async (t) => {
  const hints = { tag: 'a', flushMs: 400, watched: false, screens: [], variant: 'linux#2' };
  const keep = await keeper(t, (post) => void (post.more = { hints }));
  const told = [];
  const p = publisher(t, keep.url, { variant: 'linux', onHints: (hints) => told.push(hints) });
  p.emit({ type: 'worker', state: 'joined' });
  p.emit({ type: 'test_status', testId: 't', status: 'running' });
  p.emit({ type: 'test_step', testId: 't', variant: 'own', step: {} });
  p.emit({ type: 'run_status', status: 'running' });
  await eventually(() => p.stats.stored === 4);
  assert.deepEqual(keep.posts.map(({ events }) => events.length), [1, 3], 'the answer to joining decides about tests');
  assert.deepEqual(keep.stored.map(({ variant }) => variant), ['linux', 'linux#2', 'own', undefined]);
  assert.deepEqual(told, [hints], 'told once');
  const began = Date.now();
  p.emit(log(0));
  await eventually(() => p.stats.stored === 5);
  assert.ok(Date.now() - began >= 390, 'the hint wins over 250 ms');
});

test('while nobody watches events are collected for longer; what somebody waits for goes at once', async (t) => {
  const keep = await keeper(t, (post) => void (post.more = { viewers: 0 }));
  const p = publisher(t, keep.url, { flushMs: 20, idleFlushMs: 600 });
  p.emit(log(0));
  await eventually(() => p.stats.stored === 1);
  const began = Date.now();
  p.emit(log(1));
  await eventually(() => p.stats.stored === 2);
  assert.ok(Date.now() - began >= 590);
  const urgent = Date.now();
  p.emit(log(2));
  p.emit({ type: 'run_status', status: 'passed' });
  await eventually(() => p.stats.stored === 4);
  assert.ok(Date.now() - urgent < 300);
});

test('a store that lost its last writes is given them again', async (t) => {
  let lost = false;
  const again = [];
  const keep = await keeper(t, (post, response) => {
    if (!lost) return false;
    again.push(post.first);
    if (post.first === 6) lost = false;
    return post.first > 6 && (problem(response, 409, 'producer_gap', { expected: 6 }), true);
  });
  const p = publisher(t, keep.url, { gzipOver: Infinity });
  for (const number of upTo(10)) p.emit(log(number));
  await p.flush();
  lost = true;
  for (const number of [10, 11]) p.emit(log(number));
  await p.flush();
  assert.deepEqual(again, [11, 6]);
  assert.deepEqual(keep.posts.at(-2).events.map(({ number }) => number), [5, 6, 7, 8, 9]);
  assert.deepEqual([p.stats.stored, p.stats.pendingBytes], [12, 0]);
});

test('an id that an earlier process used loses nothing', async (t) => {
  const node = await server(t);
  const first = publisher(t, node.url, { producer: 'worker-1' });
  for (const number of upTo(300)) first.emit(log(number));
  await first.close();
  const second = publisher(t, node.url, { producer: 'worker-1' });
  for (const number of upTo(400)) second.emit(log(300 + number));
  await second.flush();
  const numbers = numbersOf(await node.events('r1'));
  assert.deepEqual(numbers.toSorted((a, b) => a - b), upTo(700));
});

test('a sealed run ends the publisher, and a full one takes its end', async (t) => {
  const keep = await keeper(t, (_, response) => (problem(response, 409, 'run_sealed'), true));
  const p = publisher(t, keep.url);
  p.emit(log(0));
  const report = await p.flush();
  assert.deepEqual([report.delivered, report.error.code, p.stats.state], [false, 'run_sealed', 'ended']);
  p.emit(log(1));
  assert.deepEqual([p.stats.refused, p.stats.pending], [2, 0]);

  const node = await server(t, { JOURNAL__MAX_RUN_BYTES: 1_048_576, INGEST__MAX_BATCH_BYTES: 524_288 });
  const q = publisher(t, node.url);
  for (const number of upTo(300)) q.emit({ type: 'log', text: 'x'.repeat(5_000), number });
  await q.flush();
  assert.equal(q.stats.state, 'full');
  q.emit({ type: 'run_status', status: 'failed' });
  assert.equal((await q.flush()).delivered, true);
  assert.equal((await node.json('/api/runs/r1')).status, 'failed');
});

test('the newest frame of a stream wins, and each stream has its own', async (t) => {
  const frames = [];
  const waiting = [];
  const started = await fake(t, async (request, response) => {
    const body = (await bodyOf(request)).toString();
    frames.push(`${request.headers['runcast-stream']} ${request.headers['runcast-width']} ${body}`);
    waiting.push(() => response.writeHead(202).end('{}'));
  });
  const p = publisher(t, started.url);
  const show = (stream, text) => p.frame(stream, Buffer.from(text), { width: 960, contentType: 'image/png' });
  for (const number of upTo(10)) show('p/0', `a${number}`);
  show('p/1', 'b0');
  await eventually(() => frames.length === 2);
  assert.deepEqual(frames.toSorted(), ['p/0 960 a0', 'p/1 960 b0']);
  waiting.splice(0).forEach((answer) => answer());
  await eventually(() => frames.length === 3);
  assert.equal(frames[2], 'p/0 960 a9');
  waiting.splice(0).forEach((answer) => answer());
  await eventually(() => p.stats.framesSent === 3);
  assert.equal(p.stats.framesDropped, 8);
});

test('the real server hints how often to post, and a second producer of a variant has another name', async (t) => {
  const node = await server(t);
  const one = publisher(t, node.url, { variant: 'linux' });
  const two = publisher(t, node.url, { variant: 'linux' });
  for (const p of [one, two]) {
    p.emit({ type: 'worker', state: 'joined', can: [] });
    p.emit({ type: 'test_status', testId: 't', status: 'running' });
    await p.flush();
  }
  assert.ok(one.hints.flushMs >= 10 && one.hints.tag.length > 0, JSON.stringify(one.hints));
  const events = (await node.events('r1')).filter(({ type }) => type === 'test_status');
  assert.deepEqual(events.map(({ variant }) => variant), ['linux', 'linux#2']);
});

test('parts of a live trace are taken, and a hole in it is named', async (t) => {
  const node = await server(t);
  const p = publisher(t, node.url);
  p.emit(log(0));
  await p.flush();
  const part = (entry, offset, text) => ({ entry, offset, bytes: Buffer.from(text) });
  const trace = await p.liveTrace('t1', [part('1-trace.trace', 0, '{"a":1}\n'), part('resources/x.jpeg', 0, 'abc')]);
  assert.deepEqual([trace.full, trace.entries], [false, { '1-trace.trace': 8, 'resources/x.jpeg': 3 }]);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const hole = p.liveTrace('t1', [part('1-trace.trace', 100, '{}\n')]);
  await assert.rejects(hole, ({ code, members }) => code === 'live_trace_gap' && members.expected['1-trace.trace'] === 8);
});

test('a request that stalls is given up and repeated, and what it stored is not stored twice', async (t) => {
  const keep = await keeper(t, async ({ events, first }, response, request, n) => {
    if (n !== 2) return false;
    // It is stored, and the answer never comes.
    keep.stored.push(...events);
    keep.stalled = first;
    return true;
  });
  const context = contextOf(keep.url);
  const { transport } = context;
  // As the limit of 30 s does, sooner.
  context.transport = { send: (request) => transport.send({ ...request, timeoutMs: 150 }) };
  const p = new Publisher(context, 'r1');
  t.after(() => p.close({ timeoutMs: 0 }));
  p.emit(log(0));
  await p.flush();
  p.emit(log(1));
  p.emit(log(2));
  await eventually(() => keep.posts.length === 3);
  await p.flush();
  assert.deepEqual(keep.posts.map(({ first, events }) => [first, events.length]), [[1, 1], [2, 2], [2, 2]]);
});
