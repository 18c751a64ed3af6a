import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

import { Publisher } from '../dist/publish.js';
import { contextOf, eventually, runcast, server } from './support/runcast.js';
import { bodyOf, fake } from './support/servers.js';

const log = (number) => ({ type: 'log', text: `line ${number}`, number });
const numbersOf = (events) => events.filter((event) => event.type === 'log').map((event) => event.number);
const upTo = (count) => Array.from({ length: count }, (_, index) => index);
const problem = (response, status, code, more = {}) => {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ status, code, detail: `refused: ${code}`, ...more }));
};

/** A publisher that is closed with the test. */
function publisher(t, url, options = {}, run = 'r1') {
  const problems = [];
  const made = new Publisher(contextOf(url), run, { onError: (problem) => problems.push(problem), ...options });
  t.after(() => made.close({ timeoutMs: 0 }));
  return Object.assign(made, { problems });
}

/** A server that keeps what is posted; `answer(request, n)` may answer a post in its own way and return true. */
async function keeper(t, answer = () => false) {
  const posts = [];
  let high = 0;
  const stored = [];
  const started = await fake(t, async (request, response) => {
    if (!request.url.endsWith('/events')) return problem(response, 404, 'run_not_found');
    let body = await bodyOf(request);
    const size = body.length;
    if (request.headers['content-encoding'] === 'gzip') body = gunzipSync(body);
    const events = body.toString().trimEnd().split('\n').map((line) => JSON.parse(line));
    const first = Number(request.headers['runcast-producer-seq']);
    const post = { first, events, headers: request.headers, size, at: Date.now() };
    posts.push(post);
    if (await answer(post, response, request, posts.length)) return;
    const fresh = events.slice(Math.max(0, high + 1 - first));
    stored.push(...fresh);
    high = Math.max(high, first + events.length - 1);
    const body_ = { stored: fresh.length, duplicates: events.length - fresh.length, producerSeq: high, viewers: null };
    response.writeHead(202).end(JSON.stringify({ ...body_, ...post.more }));
  });
  return { ...started, posts, stored };
}

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
    await node.kill();
    await new Promise((resolve) => setTimeout(resolve, 100));
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

test('a wrong token ends a flush at once, and its error says so', async (t) => {
  const keep = await keeper(t, (_, response) => problem(response, 401, 'unauthorized') ?? true);
  const p = publisher(t, keep.url);
  p.emit(log(0));
  const report = await p.flush({ timeoutMs: 60_000 });
  assert.deepEqual([report.delivered, report.error.status, report.error.code], [false, 401, 'unauthorized']);
});

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
  p.emit({ type: 'custom', many: Array.from({ length: 40_000 }, (_, index) => index) });
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

test('a process that ends without a word has posted everything', async (t) => {
  const node = await server(t);
  const script = `
    import { Publisher } from ${JSON.stringify(new URL('../dist/publish.js', import.meta.url).href)};
    import { contextOf } from ${JSON.stringify(new URL('./support/runcast.js', import.meta.url).href)};
    const p = new Publisher(contextOf(process.argv[1]), 'r1', { flushMs: 60000, idleFlushMs: 60000, commands: true });
    for (let number = 0; number < 700; number += 1) p.emit({ type: 'log', number });
    setTimeout(() => p.emit({ type: 'log', number: 700 }), 200);`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, node.url], { timeout: 20_000 });
  assert.deepEqual(numbersOf(await node.events('r1')), upTo(701));
});

test('what a process could not post is in a file, and can be posted later without doubles', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-js-spill-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const node = await server(t);
  for (const [name, end] of [['exit', 'process.exit(3)'], ['empty', '']]) {
    const file = join(dir, `${name}.ndjson`);
    const script = `
      import { Publisher } from ${JSON.stringify(new URL('../dist/publish.js', import.meta.url).href)};
      import { contextOf } from ${JSON.stringify(new URL('./support/runcast.js', import.meta.url).href)};
      const options = { spillFile: process.argv[2], closeTimeoutMs: 300, variant: 'linux', queueBytes: 100_000, maxBatchEvents: 50,
        onError: ({ kind, message }) => console.log(kind, message) };
      const p = new Publisher(contextOf(process.argv[1]), ${JSON.stringify(name)}, options);
      for (let number = 0; number < 100; number += 1) p.emit({ type: 'log', number });
      await p.flush();
      process.kill(${'${PID}'}, 'SIGKILL');
      for (let number = 100; number < 150; number += 1) p.emit({ type: 'log', number });
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (let number = 150; number < 1000; number += 1) p.emit({ type: 'log', number });
      ${end}`.replace('${PID}', String(node.child.pid));
    const args = ['--input-type=module', '-e', script, node.url, file];
    const ended = await promisify(execFile)(process.execPath, args, { timeout: 20_000 }).catch((error) => error);
    assert.equal(ended.code ?? 0, name === 'exit' ? 3 : 0, ended.stderr);
    assert.match(ended.stdout, new RegExp(`spilled \\d+ events could not be posted and are in ${file}`));
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual([lines[0].runcast, lines[0].runId, lines[0].seq], ['spill', name, 101]);
    await node.start();
    for (let again = 0; again < 2; again += 1) {
      const posted = await runcast('publish', name, file, '--url', node.url);
      assert.equal(posted.code, 0, posted.stderr);
    }
    const events = await node.events(name);
    const numbers = numbersOf(events);
    assert.deepEqual(numbers.slice(0, 150), upTo(150));
    assert.deepEqual([numbers.at(-1), new Set(numbers).size], [999, numbers.length]);
    const lost = events.filter(({ type }) => type === 'events_lost').reduce((sum, { from, to }) => sum + to - from + 1, 0);
    assert.equal(numbers.length + lost, 1_000);
    assert.ok(events.filter(({ type }) => type === 'log').every(({ variant }) => variant === 'linux'));
  }
});

test('a file that can not be written costs no exception', async (t) => {
  const closed = await fake(t, () => {});
  closed.close();
  const p = publisher(t, closed.url, { spillFile: '/nowhere/at/all' });
  p.emit(log(0));
  await p.close({ timeoutMs: 100 });
  assert.deepEqual(p.problems.map(({ kind }) => kind), ['unreachable', 'lost']);
  assert.ok(!existsSync('/nowhere'));
  p.emit(log(1));
  assert.equal(p.stats.refused, 1);
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
