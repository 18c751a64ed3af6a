// What the reporter costs, in counts, bytes and memory; `scripts/bench reporter` measures times.
const assert = require('node:assert/strict');
const { createServer, request } = require('node:http');
const { once } = require('node:events');
const { mkdtempSync, readdirSync, readFileSync, rmSync } = require('node:fs');
const { createServer: createSocketServer } = require('node:net');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { test } = require('node:test');

const { metered, plain } = require('../bench/projects.js');
const { eventsOf, project } = require('./support/project.js');

const MB = 1e6;
/** What the reporter may add to the runner, in MB, with what measurements differ by. */
const MAX_GROWTH = 30 * 1.25;

/** Runs a project with the meter; resolves to what it measured, and to what the runner printed. */
async function measure(t, files, { url, config, args } = {}) {
  const out = join(mkdtempSync(join(tmpdir(), 'runcast-cost-')), 'meter.json');
  t.after(() => rmSync(join(out, '..'), { recursive: true, force: true }));
  const made = project(t, { files, config: metered(out, config) });
  const ran = await made.run({ env: url === undefined ? {} : { RUNCAST_URL: url }, args });
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  return { ...ran, dir: made.dir, meter: JSON.parse(readFileSync(out, 'utf8')) };
}

/** A proxy before the server that counts the requests with events, and their bytes as they are sent. */
async function counting(t, url) {
  const count = { requests: 0, bytes: 0 };
  const proxy = createServer((from, answer) => {
    const isEvents = from.method === 'POST' && from.url.endsWith('/events');
    if (isEvents) count.requests += 1;
    const { method, headers } = from;
    const to = request(new URL(from.url, url), { method, headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    to.on('error', () => answer.destroy());
    from.on('data', (chunk) => isEvents && (count.bytes += chunk.length)).pipe(to);
    answer.on('close', () => to.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  t.after(() => (proxy.closeAllConnections(), proxy.close()));
  return { count, url: `http://127.0.0.1:${proxy.address().port}` };
}

/** The address of nobody. */
async function deadUrl() {
  const socket = createSocketServer();
  await once(socket.listen(0, '127.0.0.1'), 'listening');
  const { port } = socket.address();
  await once(socket.close(), 'close');
  return `http://127.0.0.1:${port}`;
}

test('100,000 steps of 2,000 tests: no hook waits, few requests, and less than 30 MB more memory', async (t) => {
  const { server } = await import('../../js/test/support/runcast.js');
  const node = await server(t);
  const { count, url } = await counting(t, node.url);
  const files = plain({ tests: 2_000, steps: 50 });
  // Both end, whatever the other one does: their directories go with the test.
  const both = await Promise.allSettled([measure(t, files), measure(t, files, { url })]);
  for (const { reason } of both) if (reason !== undefined) throw reason;
  const [alone, { meter }] = both.map(({ value }) => value);

  assert.equal(meter.calls.onTestEnd, 2_000);
  assert.equal(meter.calls.onStepBegin, 100_000);
  assert.equal(meter.calls.onStepEnd, 100_000);
  assert.deepEqual(meter.returned, {}, 'a hook that returns something may be waited for');

  const grown = Object.fromEntries(['used', 'resident', 'rss'].map((of) => [of, (meter[of] - alone.meter[of]) / MB]));
  t.diagnostic(`grown, in MB: ${JSON.stringify(grown)}`);
  assert.ok(grown.used < MAX_GROWTH, JSON.stringify({ grown, with: meter, without: alone.meter }));
  assert.ok(grown.resident < MAX_GROWTH, JSON.stringify({ grown, with: meter, without: alone.meter }));

  const events = await eventsOf(node.url);
  const steps = events.filter(({ type }) => type === 'test_step').length;
  assert.equal(steps, meter.calls.onStepBegin + meter.calls.onStepEnd, 'one event for each begin and end of a step');
  assert.equal(events.filter(({ type }) => type === 'test_status').length, 4_000);
  t.diagnostic(`${events.length} events in ${count.requests} requests with ${count.bytes} bytes`);
  assert.ok(events.length < steps + 4_100, `${events.length} events, ${steps} of them steps`);
  assert.ok(events.length / count.requests > 200, `${count.requests} requests for ${events.length} events`);
  assert.ok(count.bytes / events.length < 60, `${count.bytes} bytes for ${events.length} events`);
});

test('few events are few requests', async (t) => {
  const { server } = await import('../../js/test/support/runcast.js');
  const node = await server(t);
  const { count, url } = await counting(t, node.url);
  await measure(t, plain({ tests: 3, steps: 5 }), { url });
  t.diagnostic(`${count.requests} requests, ${count.bytes} bytes`);
  assert.ok(count.requests <= 6, `${count.requests} requests`);
});

test('a server that is dead costs a bounded queue, and no status is lost', async (t) => {
  const files = plain({ tests: 500, steps: 40, pad: 200 });
  const { meter, dir } = await measure(t, files, { url: await deadUrl(), config: { queueMb: 1, endTimeoutSecs: 1 } });
  assert.deepEqual(meter.returned, {});

  const kept = join(dir, '.runcast');
  const file = readdirSync(kept).find((name) => name.endsWith('.ndjson'));
  const text = readFileSync(join(kept, file), 'utf8');
  t.diagnostic(`${text.length} bytes are kept`);
  assert.ok(text.length < 2 * 1024 * 1024, `${text.length} bytes are kept of a queue of 1 MiB`);
  const events = text.trim().split('\n').map((line) => JSON.parse(line));
  const ended = events.filter(({ type, status }) => type === 'test_status' && status === 'passed');
  assert.equal(new Set(ended.map(({ testId }) => testId)).size, 500);
  assert.ok(events.filter(({ type }) => type === 'test_step').length < meter.calls.onStepEnd, 'steps gave way');
  const runs = events.filter(({ type }) => type === 'run_status').map(({ status }) => status);
  assert.deepEqual(runs, ['queued', 'running', 'passed']);
});
