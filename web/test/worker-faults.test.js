// The worker's session when its server restarts, loses writes or is away, and with a large run.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { BINARY, edit, Server } from '../../clients/js/test/support/server.js';
import { lines } from '../bench/events.mjs';
import { eventually } from './support/session.js';
import { joined, log, open, post, PRODUCER, seen, server, status, story } from './support/worker.js';

test('after a restart in the middle nothing is missing and nothing doubled', async () => {
  const own = await Server.start();
  try {
    await post('restart', story(3), PRODUCER, own);
    const page = open('restart', {}, own);
    await eventually(() => page.complete && page.log.rows.length > 0);
    const { seq } = page.head;
    await own.end('SIGKILL');
    await eventually(() => page.connection.status === 'reconnecting');
    assert.ok(page.connection.error !== null);
    await own.restart();
    await post('restart', [log('after'), log('the restart')], PRODUCER, own);
    page.tell({ type: 'visible', visible: true }); // tries at once
    await eventually(() => page.texts().includes('the restart') && page.connection.status === 'live');
    const fresh = await joined('restart', seq + 2, own);
    const said = page.log.rows.filter(({ kind }) => kind === 'divider').length;
    assert.ok(said <= 1);
    assert.deepEqual(
      seen(page).texts.filter((text) => !/arrived meanwhile/.test(text)),
      seen(fresh).texts,
    );
    assert.deepEqual(seen(page).tests, seen(fresh).tests);
    page.session.close();
    fresh.session.close();
  } finally {
    await own.stop();
  }
});

test('when the store has lost its last writes, what was taken back is gone', async () => {
  const own = await Server.start();
  try {
    await post('reset', story(3).slice(0, 6), PRODUCER, own);
    await own.end('SIGTERM');
    // What the disk held when the power went: the store has to doubt it.
    await edit(
      own,
      "UPDATE meta SET value = CASE key WHEN 'clean' THEN '0' ELSE 'another' END WHERE key IN ('clean', 'boot_id')",
    );
    await cp(own.data, `${own.data}-then`, { recursive: true });
    await own.restart();
    const page = open('reset', {}, own);
    await eventually(() => page.complete && page.head.seq === 6 && page.log.rows.length > 0);
    await post('reset', [log('to be lost'), status('t0', 'failed', { attempt: 0 })], PRODUCER, own);
    await eventually(() => page.texts().includes('to be lost') && page.head.counts.failed === 1);
    await own.end('SIGKILL');
    await rm(own.data, { recursive: true });
    await cp(`${own.data}-then`, own.data, { recursive: true });
    await own.restart();
    await post('reset', [log('anew')], 'p2', own);
    await eventually(() => page.texts().includes('anew') && !page.texts().includes('to be lost'));
    assert.deepEqual(
      page.notices.filter(({ kind }) => kind === 'reset'),
      [{ kind: 'reset', from: 7 }],
    );
    assert.ok(page.log.rows.some(({ kind, seq }) => kind === 'divider' && seq === 7));
    assert.deepEqual([page.head.seq, page.head.counts.failed], [7, 0]);
    page.session.close();
  } finally {
    await own.stop();
  }
});

test('a server that is not there is told', async () => {
  const page = open('gone', {}, { url: 'http://127.0.0.1:9' });
  await eventually(() => page.connection?.error);
  assert.deepEqual([page.head, page.connection.status], [null, 'reconnecting']);
  page.session.close();
});

test('nothing is posted while nothing changes', async () => {
  await post('still', [...story(2), { type: 'run_status', status: 'passed' }], PRODUCER);
  const page = open('still');
  await eventually(() => page.complete && page.log.rows.length > 0 && page.connection.status === 'live');
  // While another page is told of five events, one after the other, this one is told nothing.
  const other = open('moves');
  let told = 0;
  await eventually(async () => {
    const { length } = page.messages;
    for (let more = 0; more < 5; more += 1) {
      told += 1;
      await post('moves', [log(`line ${told}`)], PRODUCER);
      await eventually(() => other.head?.seq === told);
    }
    return page.messages.length === length;
  });
});

test('a large run is joined with few requests, and is what somebody sees who was there', async () => {
  const events = 100_000;
  const file = join(server.home, 'large.ndjson');
  await writeFile(file, `${[...lines(events, 1_200)].join('\n')}\n`);
  const there = open('large');
  await eventually(() => there.connection?.status === 'live');
  await promisify(execFile)(BINARY, ['publish', 'large', file, '--url', server.url]);
  await eventually(() => there.head.seq === events && there.texts().at(-1) === 'Run failed', 60_000);
  assert.ok(there.log.rows.length <= 20_000);
  const late = open('large');
  const { http } = late.session.run;
  await eventually(() => late.head !== null, 60_000);
  await eventually(() => late.complete && late.log.rows.length > 0 && late.timeline !== null, 60_000);
  assert.ok(http.requests - http.repeats <= 20, `${http.requests} requests, ${http.repeats} of them repeated`);
  assert.ok(http.received < 2 * 1024 * 1024, `${http.received} bytes`);
  // The journal's time of a few events is known to the server alone.
  const plain = ({ texts: _, ...of }) => of;
  assert.deepEqual(plain(seen(late)), plain(seen(there)));
  const rows = late.texts();
  assert.deepEqual(rows, there.texts().slice(-rows.length));
  assert.equal(
    late.timeline.bins.reduce((sum, one) => sum + one, 0),
    events,
  );
  const middle = events / 2;
  late.tell({ type: 'moment', to: { seq: middle } });
  there.tell({ type: 'moment', to: { seq: middle } });
  await eventually(() => [late, there].every(({ moment, head }) => !moment.loading && head.seq === middle), 60_000);
  assert.deepEqual(plain(seen(late)), plain(seen(there)));
  await server.post('large', [log('one more')]);
  await eventually(() => late.connection.seq === events + 1);
  late.tell({ type: 'moment', to: 'live' });
  await eventually(() => late.head.seq === events + 1 && late.texts().at(-1) === 'one more');
});
