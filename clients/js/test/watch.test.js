import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { ClosedError, connect } from '@runcast/client';

import { closeWatches, collect, edit, eventually, numbered, Producer, Server, statuses } from './support/server.js';

let server;
before(async () => (server = await Server.start()));
after(() => {
  closeWatches();
  return server.stop();
});

const seqs = (events) => events.map(({ seq }) => seq);
const range = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

test('a watch yields what was there and what comes, in order, and ends by break', async () => {
  await server.post('r1', numbered(1, 5));
  const watch = connect({ url: server.url }).run('r1').watch();
  const seen = [];
  for await (const event of watch) {
    seen.push(event.n);
    if (seen.length === 5) {
      assert.equal(watch.behind, 0);
      await server.post('r1', numbered(6, 8));
    }
    if (seen.length === 8) break;
  }
  assert.deepEqual(seen, range(1, 8));
  assert.equal(watch.status, 'closed');
  assert.match(watch.cursor, /^\d+:8$/);
});

test('a cursor goes on where it was, -2 shows the last two, latest what comes', async () => {
  const run = connect({ url: server.url }).run('r2');
  await server.post('r2', numbered(1, 5));
  const first = run.watch();
  for await (const event of first) if (event.seq === 3) break;
  const next = collect(run.watch({ after: first.cursor }));
  assert.deepEqual(seqs(await next.until(2)), [4, 5]);
  assert.deepEqual(seqs(await collect(run.watch({ after: -2 })).until(2)), [4, 5]);
  const latest = run.watch({ after: 'latest' });
  const seen = collect(latest);
  await eventually(() => latest.status === 'live');
  await server.post('r2', numbered(6, 6));
  assert.deepEqual(seqs(await seen.until(1)), [6]);
  latest.close();
});

test('a run that does not exist yet can be watched from its first event', async () => {
  const watch = connect({ url: server.url }).run('r3').watch();
  const seen = collect(watch);
  await eventually(() => watch.status === 'live');
  await server.post('r3', numbered(1, 3));
  await seen.until(3);
  assert.match(watch.cursor, /^\d+:3$/);
  watch.close();
});

test('events are filtered by type and test, and the cursor passes those that are left out', async () => {
  await server.post('r4', [
    { type: 'log', testId: 'a' }, { type: 'test_status', testId: 'a', status: 'passed' },
    { type: 'test_status', testId: 'b', status: 'passed' }, { type: 'log', testId: 'a' },
  ]);
  const run = connect({ url: server.url }).run('r4');
  const watch = run.watch({ types: ['test_status'], test: 'a' });
  const seen = collect(watch);
  await eventually(() => watch.cursor.endsWith(':4'));
  assert.deepEqual(seqs(seen.events), [2]);
  assert.equal(watch.behind, 0);
  watch.close();
});

test('listeners are told without an iterator, as many events as there are', async () => {
  await server.post('r5', numbered(1, 50));
  const watch = connect({ url: server.url }).run('r5').watch();
  const seen = [];
  watch.addEventListener('event', ({ detail }) => seen.push(detail.seq));
  await eventually(() => seen.length === 50);
  assert.deepEqual(seen, range(1, 50));
  assert.match(watch.cursor, /:50$/);
  watch.close();
});

test('each connection is told with the server’s time, and the next one is tried when that is asked for', async () => {
  const own = await Server.start();
  try {
    await own.post('r', numbered(1, 3));
    const watch = connect({ url: own.url }).run('r').watch();
    const stands = [];
    watch.addEventListener('connected', ({ detail }) => stands.push(detail));
    const told = statuses(watch);
    await eventually(() => stands.length === 1 && watch.status === 'live');
    assert.ok(Math.abs(Date.parse(stands[0].timestamp) - Date.now()) < 60_000);
    assert.deepEqual([stands[0].tip, typeof stands[0].epoch, stands[0].nodeId !== ''], [3, 'string', true]);
    await own.end('SIGTERM');
    await eventually(() => told.some(({ closeCode }) => closeCode >= 1001));
    // While nobody is there the pauses grow up to 10 s.
    await eventually(() => told.some(({ retryInMs }) => retryInMs > 2_000), 60_000);
    await own.restart();
    await eventually(() => {
      watch.retry();
      return stands.length > 1;
    }, 1_500);
    watch.close();
  } finally {
    await own.stop();
  }
});

test('a signal ends an iterator without an error, before and within', async () => {
  const over = connect({ url: server.url }).run('r6').watch({ signal: AbortSignal.abort() });
  for await (const _ of over) assert.fail('it was aborted');
  const abort = new AbortController();
  const watch = connect({ url: server.url }).run('r6').watch({ signal: abort.signal });
  const seen = collect(watch);
  await eventually(() => watch.status === 'live');
  abort.abort();
  await seen.done;
  assert.deepEqual([seen.failure, watch.status], [undefined, 'closed']);
});

test('what is wrong for good is thrown: a bad run id, and a bad place', async () => {
  const client = connect({ url: server.url });
  await assert.rejects(async () => { for await (const _ of client.run('a b').watch()); }, { name: 'ApiError', code: 'invalid_run_id' });
  await assert.rejects(async () => { for await (const _ of client.run('r').watch({ after: 'x' })); }, { name: 'ApiError', status: 400 });
  assert.throws(() => client.run('r').watch({ screen: 'a b' }), TypeError);
  assert.throws(() => client.run('r').watch({ screen: 'wall', maxFps: 31 }), TypeError);
});

test('a server that is killed and started again loses and doubles nothing', async () => {
  const own = await Server.start();
  try {
    const watch = connect({ url: own.url }).run('r').watch();
    const told = statuses(watch);
    const seen = collect(watch);
    const producer = new Producer([own.url], 'r');
    for (let round = 0; round < 4; round++) {
      await producer.post(numbered(round * 50 + 1, round * 50 + 25));
      if (round < 3) await own.end('SIGKILL');
      const posting = producer.post(numbered(round * 50 + 26, round * 50 + 50));
      if (round < 3) await own.restart();
      await posting;
    }
    await seen.until(200);
    assert.deepEqual(seen.events.map(({ n }) => n), range(1, 200));
    assert.deepEqual(seqs(seen.events), range(1, 200));
    assert.ok(told.some(({ status, error }) => status === 'reconnecting' && error instanceof Error));
    assert.ok(!told.some(({ status }) => status === 'polling'), 'a server that is away is no reason to poll');
    watch.close();
  } finally {
    await own.stop();
  }
});

test('a store that lost writes takes events back, from where it did', async () => {
  const own = await Server.start();
  try {
    await own.post('r', numbered(1, 3));
    await own.end('SIGTERM');
    // What the disk held when the power went: the store has to doubt it.
    await edit(own, "UPDATE meta SET value = CASE key WHEN 'clean' THEN '0' ELSE 'another' END WHERE key IN ('clean', 'boot_id')");
    await cp(own.data, `${own.data}-then`, { recursive: true });
    await own.restart();
    const run = connect({ url: own.url }).run('r');
    const watch = run.watch();
    const resets = [];
    watch.addEventListener('reset', ({ detail }) => resets.push(detail));
    const seen = collect(watch);
    await own.post('r', numbered(4, 5));
    await seen.until(5);
    await own.end('SIGKILL');
    await rm(own.data, { recursive: true });
    await cp(`${own.data}-then`, own.data, { recursive: true });
    await own.restart();
    await own.post('r', [{ type: 'log', n: 40 }, { type: 'log', n: 50 }]);
    await seen.until(7);
    assert.deepEqual(resets.map(({ from }) => from), [4]);
    assert.deepEqual(seen.events.map(({ seq, n }) => [seq, n]).slice(3), [[4, 4], [5, 5], [4, 40], [5, 50]]);
    watch.close();
  } finally {
    await own.stop();
  }
});

test('a sealed run ends the iterator, also one that begins at its end', async () => {
  const own = await Server.start({ RUNCAST__JOURNAL__SEAL_HOURS: '0', RUNCAST__JOURNAL__SWEEP_SECS: '1' });
  try {
    const run = connect({ url: own.url }).run('r');
    const seen = collect(run.watch());
    await own.post('r', [{ type: 'log' }, { type: 'run_status', status: 'passed' }]);
    await seen.done;
    assert.equal(seen.failure, undefined);
    assert.deepEqual(seen.events.map(({ type }) => type), ['log', 'run_status', 'sealed']);
    const filtered = collect(run.watch({ types: ['log'] }));
    await filtered.done;
    assert.deepEqual(seqs(filtered.events), [1]);
    const late = collect(run.watch({ after: 'latest' }));
    await late.done;
    assert.deepEqual([late.events, late.failure], [[], undefined]);
  } finally {
    await own.stop();
  }
});

test('a run that has expired is a gap and then a ClosedError with its code', async () => {
  const hours = { RUNCAST__JOURNAL__SEAL_HOURS: '0', RUNCAST__JOURNAL__RETAIN_HOURS: '1', RUNCAST__JOURNAL__SWEEP_SECS: '1' };
  const own = await Server.start(hours);
  try {
    await own.post('r', [{ type: 'log' }, { type: 'run_status', status: 'passed' }]);
    await eventually(async () => (await (await fetch(`${own.url}/api/runs/r/events?after=2`)).json()).tip === 3);
    await own.end('SIGTERM');
    await edit(own, 'UPDATE runs SET active_at = active_at - 172800000, last_at = last_at - 172800000');
    await own.restart();
    await eventually(async () => (await fetch(`${own.url}/api/runs/r`)).status === 410);
    const run = connect({ url: own.url }).run('r');
    const watch = run.watch();
    const gaps = [];
    watch.addEventListener('gap', ({ detail }) => gaps.push(detail));
    const seen = collect(watch);
    await seen.done;
    assert.ok(seen.failure instanceof ClosedError, String(seen.failure));
    assert.deepEqual([seen.failure.closeCode, seen.failure.reason], [4410, 'gone']);
    assert.deepEqual(gaps, [{ from: 1, to: 3, reason: 'expired' }]);
    await assert.rejects(run.state(), { name: 'ApiError', status: 410, code: 'run_gone' });
  } finally {
    await own.stop();
  }
});

test('a watch says whose it is', async () => {
  await server.post('r-user', numbered(1, 1));
  const watch = connect({ url: server.url, user: 'ada' }).run('r-user').watch();
  await collect(watch).until(1);
  const users = async () => {
    const response = await fetch(`${server.url}/api/runs/r-user/viewers?details=1`);
    return (await response.json()).sessions.map(({ userId }) => userId);
  };
  await eventually(async () => (await users()).join() === 'ada');
  watch.close();
});
