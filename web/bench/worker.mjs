// What the worker of a run's page takes: `node --expose-gc bench/worker.mjs [events] [tests]`. RUNCAST_BINARY names the server.
// A page that is there from the first event on, then one that joins at the end. Prints JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';

import { BINARY, Server } from '../../clients/js/test/support/server.js';
import { eventually, Page } from '../test/support/session.js';
import { lines } from './events.mjs';

const [events, tests] = [Number(process.argv[2] ?? 100_000), Number(process.argv[3] ?? 2_000)];
const MB = 1024 * 1024;

/** Bytes after a collection. */
function heap() {
  for (let round = 0; round < 3; round += 1) globalThis.gc?.();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return {
    heapMB: round(heapUsed / MB),
    bytesMB: round(arrayBuffers / MB),
    togetherMB: round((heapUsed + Math.max(external, arrayBuffers)) / MB),
  };
}
const round = (value) => Math.round(value * 10) / 10;

const server = await Server.start();
try {
  const file = join(server.home, 'run.ndjson');
  const out = createWriteStream(file);
  for (const line of lines(events, tests)) if (!out.write(`${line}\n`)) await once(out, 'drain');
  out.end();
  await once(out, 'finish');

  const empty = heap();
  const live = new Page(server.url, 'bench');
  live.openLog();
  await eventually(() => live.connection?.status === 'live');
  const [began, cpu] = [Date.now(), process.cpuUsage()];
  const publish = spawn(BINARY, ['publish', 'bench', file, '--url', server.url], { stdio: 'ignore' });
  let most = 0;
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().heapUsed)), 500);
  await eventually(() => live.head?.seq === events, 600_000);
  clearInterval(timer);
  const used = process.cpuUsage(cpu);
  await eventually(() => live.messages.length > 0 && live.log.rows.length > 0);
  if (publish.exitCode === null) await once(publish, 'exit');
  live.messages = [];
  const atLive = {
    events,
    tests: live.tests.size,
    seconds: round((Date.now() - began) / 1_000),
    cpuSeconds: round((used.user + used.system) / 1e6),
    cpuMicrosPerEvent: round((used.user + used.system) / events),
    rows: live.log.rows.length,
    before: empty,
    after: heap(),
    mostHeapMB: round(most / MB),
    columnsMB: round(live.session.run.columns.bytes / MB),
    pagesMB: round(live.session.run.history.pages.bytes / MB),
    checkpoints: live.session.run.checkpoints.count,
  };
  live.session.close();
  console.log(JSON.stringify({ live: atLive }, null, 2));

  const from = Date.now();
  const late = new Page(server.url, 'bench');
  late.openLog();
  const { http } = late.session.run;
  await eventually(() => late.head !== null, 120_000);
  const headMs = Date.now() - from;
  await eventually(() => late.complete && late.log.rows.length > 0, 300_000);
  const joined = {
    headMs,
    completeMs: Date.now() - from,
    requests: http.requests,
    receivedMB: round(http.received / MB),
    rows: late.log.rows.length,
  };
  const asked = Date.now();
  late.tell({ type: 'moment', to: { seq: Math.floor(events / 2) } });
  await eventually(
    () => late.moment && !late.moment.live && !late.moment.loading && late.head.seq === Math.floor(events / 2),
    60_000,
  );
  joined.middleMs = Date.now() - asked;
  const opened = Date.now();
  late.tell({ type: 'test', key: `0:test-${Math.floor(tests / 4)}` });
  await eventually(() => late.detail && !late.detail.loading, 60_000);
  Object.assign(joined, {
    detailMs: Date.now() - opened,
    steps: late.detail.steps.size,
    requestsThen: http.requests,
    receivedThenMB: round(http.received / MB),
  });
  late.session.close();
  console.log(JSON.stringify({ joined }, null, 2));
} finally {
  await server.stop();
}
