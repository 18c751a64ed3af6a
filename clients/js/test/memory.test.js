// How much a watch holds, whatever there is to hold.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { connect } from '@runcast/client';

import { closeWatches, eventually, Server } from './support/server.js';

const MIB = 1024 * 1024;

let server;
before(async () => (server = await Server.start()));
after(() => {
  closeWatches();
  return server.stop();
});

// Posts numbered events by thousands.
async function fill(run, count) {
  const batch = 10_000;
  for (let first = 1; first <= count; first += batch) {
    let body = '';
    for (let n = first; n < first + batch; n++) body += `{"type":"log","n":${n},"text":"a line of output of some length"}\n`;
    const answer = await fetch(`${server.url}/api/runs/${run}/events`, {
      method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body,
    });
    assert.equal(answer.status, 202, await answer.text());
  }
}

test('an iterator that is not read makes the server wait, and then loses nothing', async () => {
  const count = 200_000;
  await fill('slow', count);
  const before = process.memoryUsage().rss;
  const watch = connect({ url: server.url }).run('slow').watch();
  const events = watch[Symbol.asyncIterator]();
  assert.equal((await events.next()).value.seq, 1);
  await eventually(() => watch.behind === count - 1);
  // Time enough to read everything, if nothing held it up.
  const until = Date.now() + 1_500;
  await eventually(() => Date.now() > until);
  const grown = (process.memoryUsage().rss - before) / MIB;
  assert.ok(grown < 60, `${grown} MiB for 4 MiB of events that are held; all of them have ${(count * 130) / MIB} MiB`);
  for (let seq = 2; seq <= count; seq++) {
    const { value } = await events.next();
    if (value.seq !== seq) assert.fail(`${value.seq} in place of ${seq}`);
  }
  assert.equal(watch.behind, 0);
  watch.close();
});

test('a million events pass through in bounded memory', async () => {
  const count = 1_000_000;
  await fill('million', count);
  const before = process.memoryUsage().rss;
  let most = 0;
  let last = 0;
  const began = Date.now();
  const watch = connect({ url: server.url }).run('million').watch();
  for await (const { seq } of watch) {
    if (seq !== last + 1) assert.fail(`${seq} behind ${last}`);
    last = seq;
    if (seq % 20_000 === 0) most = Math.max(most, process.memoryUsage().rss);
    if (seq === count) break;
  }
  const grown = (most - before) / MIB;
  assert.ok(grown < 150, `${grown} MiB more`);
  assert.ok(Date.now() - began < 25_000, `${Date.now() - began} ms`);
});
