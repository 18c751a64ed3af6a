import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ApiError, connect, TransportError } from '@runcast/client';

import { closeWatches, collect, eventually, freePort, numbered, Server } from './support/server.js';

let server, client;
before(async () => {
  server = await Server.start();
  client = connect({ url: server.url });
});
after(() => {
  closeWatches();
  return server.stop();
});

const JPEG = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, ...Array.from({ length: 500 }, (_, index) => index & 0xff), 0xff, 0xd9]);

async function all(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}

test('a state says how the run is, and a run without events has none', async () => {
  await server.post('state', [{ type: 'run_status', status: 'running' }, { type: 'test_status', testId: 'a', status: 'passed' }]);
  const state = await client.run('state').state();
  assert.deepEqual([state.status, state.counts.passed, state.events], ['running', 1, 2]);
  await assert.rejects(client.run('nothing').state(), (error) => {
    assert.ok(error instanceof ApiError);
    return error.status === 404 && error.code === 'run_not_found' && error.detail !== '';
  });
});

test('all tests of a run are iterated over, page by page, and by status', async () => {
  const tests = Array.from({ length: 25 }, (_, n) => ({ type: 'test_status', testId: `t${n}`, status: n % 5 ? 'passed' : 'failed' }));
  await server.post('tests', tests);
  const run = client.run('tests');
  const found = await all(run.tests({ limit: 10 }));
  assert.deepEqual(found.map(({ testId }) => testId).sort(), tests.map(({ testId }) => testId).sort());
  assert.equal((await all(run.tests({ status: ['failed'] }))).length, 5);
});

test('the pages of a run end at its last event', async () => {
  await server.post('pages', numbered(1, 250));
  const pages = await all(client.run('pages').events({ limit: 100 }));
  assert.deepEqual(pages.map(({ events }) => events.length), [100, 100, 50]);
  const [last] = await all(client.run('pages').events({ after: -3 }));
  assert.deepEqual(last.events.map(({ seq }) => seq), [248, 249, 250]);
});

test('pages of some events come forwards, and backwards from the end or from an event', async () => {
  const events = Array.from({ length: 90 }, (_, n) => ({ type: n % 3 ? 'log' : 'test_step', testId: `t${n % 2}`, step: { stepNumber: n }, variant: 'linux' }));
  await server.post('parts', events);
  const run = client.run('parts');
  const seqs = (pages) => pages.map((page) => page.events.map(({ seq }) => seq));
  const wanted = events.map((event, n) => ({ ...event, seq: n + 1 })).filter(({ type, testId }) => type === 'log' && testId === 't1').map(({ seq }) => seq);
  const filter = { types: ['log', 'error'], test: 't1', variant: 'linux', limit: 7 };
  assert.deepEqual(seqs(await all(run.events(filter))).flat(), wanted);
  assert.deepEqual(seqs(await all(run.events({ ...filter, before: 'latest' }))).reverse().flat(), wanted);
  assert.deepEqual(seqs(await all(run.events({ before: 6, limit: 2 }))), [[4, 5], [2, 3], [1]]);
  assert.deepEqual(await all(run.events({ types: ['none'] })).then(seqs), [[]]);
  await assert.rejects(all(run.events({ before: 6, after: 2 })), (error) => error.code === 'invalid_before');
});

test('words are found with their places, and an earlier state and the run over time are asked for', async () => {
  const lines = Array.from({ length: 30 }, (_, n) => ({ type: 'log', testId: 't', text: `first\nCaf\u00e9 ${n}` }));
  await server.post('past', [...lines, { type: 'test_status', testId: 't', status: 'failed' }, { type: 'run_status', status: 'failed' }]);
  const run = client.run('past');
  const hits = await all(run.search('CAF\u00c9', { types: ['log'], test: 't', limit: 4 }));
  assert.deepEqual(hits.map(({ seq, line }) => [seq, line]), lines.map((_, n) => [n + 1, 1]));
  const [{ excerpt, ranges: [[from, to]] }] = hits;
  assert.equal(excerpt.slice(from, to), 'Caf\u00e9');
  assert.equal((await all(run.search('caf', { after: 28 }))).length, 2);
  assert.deepEqual([(await run.state({ at: 31 })).status, (await run.state()).status, (await run.state({ at: 30 })).tests.length], [null, 'failed', 0]);
  assert.deepEqual([(await all(run.tests({ at: 30 }))).length, (await all(run.tests({ at: 31 }))).length], [0, 1]);
  const timeline = await run.timeline({ bins: 10 });
  assert.equal(timeline.bins.reduce((sum, { events }) => sum + events, 0), 32);
  assert.deepEqual(timeline.marks.map(({ seq, kind }) => [seq, kind]), [[31, 'failed'], [32, 'ended']]);
  await assert.rejects(run.state({ at: 33 }), (error) => error.code === 'invalid_at');
});

test('the list of runs has more than a page', async () => {
  for (let n = 0; n < 7; n++) await server.post(`listed-${n}`, [{ type: 'run_status', status: 'cancelled' }]);
  const runs = await eventually(async () => {
    const found = await all(client.runs({ limit: 3, status: 'cancelled' }));
    return found.length === 7 && found;
  });
  assert.deepEqual(runs.map(({ runId }) => runId).sort(), Array.from({ length: 7 }, (_, n) => `listed-${n}`));
});

test('a screen comes with its stream and bytes, the newest also to who joins later, and as it is chosen', async () => {
  const watch = client.run('screens').watch({ screen: 'wall' });
  const frames = [];
  watch.addEventListener('frame', ({ detail }) => frames.push(detail));
  await eventually(() => watch.status === 'live');
  const headers = { 'runcast-stream': 'p1/0', 'runcast-width': '640', 'runcast-height': '360', 'runcast-test': 'login' };
  await server.frame('screens', JPEG, headers);
  const [frame] = await eventually(() => frames.length > 0 && frames);
  assert.deepEqual({ ...frame, bytes: [...frame.bytes] }, {
    stream: 'p1/0', contentType: 'image/jpeg', width: 640, height: 360, testId: 'login', timestamp: frame.timestamp, bytes: [...JPEG],
  });
  watch.close();

  const late = client.run('screens').watch({ screen: 'p1/0', maxFps: 5, maxWidth: 320 });
  const kept = [];
  late.addEventListener('frame', ({ detail }) => kept.push(detail.stream));
  await eventually(() => kept.length > 0);
  late.look({ screen: 'other' });
  await server.frame('screens', JPEG, { 'runcast-stream': 'other' });
  await eventually(() => kept.includes('other'));
  late.close();

  const changed = client.run('screens').watch();
  changed.addEventListener('frame', ({ detail }) => kept.push(`changed ${detail.stream}`));
  await new Promise(setImmediate); // its WebSocket is being opened, and asks for no screen
  assert.equal(changed.status, 'connecting');
  changed.look({ screen: 'other' });
  await eventually(() => kept.includes('changed other'));
  changed.close();

  const none = client.run('screens').watch();
  none.addEventListener('frame', () => assert.fail('no screen was asked for'));
  const seen = collect(none);
  await server.frame('screens', JPEG, headers);
  await server.post('screens', numbered(1, 1));
  await seen.until(1);
  none.close();
});

test('where nobody listens, the error says so', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  await assert.rejects(connect({ url }).run('r').state(), (error) => error instanceof TransportError && error.failure === 'refused');
  await assert.rejects(connect({ url, fetch }).run('r').state(), (error) => error instanceof TransportError);
  for (const bad of ['', 'localhost:3001', 'ftp://h', 'http://u:p@h', []]) assert.throws(() => connect({ url: bad }), TypeError);
});
