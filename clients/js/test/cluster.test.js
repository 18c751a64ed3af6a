import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { connect } from '@runcast/client';

import { Cluster } from './support/cluster.js';
import { closeWatches, collect, eventually, numbered, Producer, statuses } from './support/server.js';

let cluster;
before(async () => (cluster = await Cluster.start(3)));
after(async () => {
  closeWatches();
  await cluster.stop();
});

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

test('a node that drains is left for the next one before it closes', async () => {
  const [first, second] = cluster.nodes;
  const watch = connect({ url: [first.url, second.url] }).run('drained').watch();
  const told = statuses(watch);
  const seen = collect(watch);
  const producer = new Producer([second.url], 'drained');
  await producer.post(numbered(1, 20));
  await seen.until(20);
  const ended = first.end('SIGTERM');
  for (let n = 21; n <= 60; n++) await producer.post(numbered(n, n));
  await ended;
  await producer.post(numbered(61, 80));
  await seen.until(80);
  assert.deepEqual(seen.events.map(({ n }) => n), range(1, 80));
  assert.ok(!told.some(({ status }) => status === 'reconnecting'), JSON.stringify(told));
  watch.close();
  await first.restart();
});

test('a rolling restart under load: every viewer sees every event once', async () => {
  const clients = [0, 1, 2, 0].map((at) => {
    const urls = [...cluster.urls.slice(at), ...cluster.urls.slice(0, at)];
    return connect({ url: urls }).run('rolled').watch();
  });
  const seen = clients.map(collect);
  const producer = new Producer(cluster.urls, 'rolled');
  let posted = 0;
  let over = false;
  const posting = (async () => {
    while (!over) {
      await producer.post(numbered(posted + 1, posted + 10));
      posted += 10;
    }
  })();
  for (const [index, node] of cluster.nodes.entries()) {
    await eventually(() => clients.every((watch) => watch.status === 'live' || watch.behind < 100));
    await node.end(index === 2 ? 'SIGKILL' : 'SIGTERM');
    await node.restart();
  }
  const more = posted + 100;
  await eventually(() => posted >= more);
  over = true;
  await posting;
  for (const [index, one] of seen.entries()) {
    await one.until(posted);
    assert.deepEqual(one.events.map(({ n }) => n), range(1, posted), `viewer ${index}`);
  }
  for (const watch of clients) watch.close();
});
