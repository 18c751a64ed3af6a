// How long the end of a run waits for what kind of server.
const assert = require('node:assert/strict');
const { test } = require('node:test');

const { load } = require('./support/module.js');

/** Ends a run with a publisher whose flushes end as `flush(timeoutMs)` says, with these counts; the limits of the flushes. */
async function end({ stats, flush, endTimeoutMs = 60_000 }) {
  const { End } = await load('ending.ts');
  const asked = [];
  const publisher = {
    stats,
    flush: async ({ timeoutMs }) => (asked.push(timeoutMs), { delivered: await flush(timeoutMs) }),
    close: async ({ timeoutMs }) => (asked.push(timeoutMs), { delivered: false }),
    abandon() {},
  };
  const told = [];
  const attachments = { finish: async () => {}, abandon: () => told.push('abandoned') };
  const terminal = { end: async () => told.push('told') };
  const made = new End(publisher, attachments, terminal, { endTimeoutMs }, () => told.push('interrupted'));
  await made.finish();
  await made.finish();
  assert.deepEqual(told, ['abandoned', 'told']);
  // Timers may be a little early: then the rest is waited for, too.
  return asked.filter((ms) => ms > 10);
}

const full = (ms) => new Promise((resolve) => setTimeout(resolve, ms, false));

test('a server that was never reached is waited for 2 s', async () => {
  assert.deepEqual(await end({ stats: { stored: 0, retries: 1 }, flush: full }), [2_000]);
});

test('that it can not be reached may turn out at the end', async () => {
  const stats = { stored: 0, retries: 0 };
  const flush = (ms) => ((stats.retries += 1), full(ms));
  assert.deepEqual(await end({ stats, flush }), [2_000]);
});

test('a server that has taken something is waited for as long as it is set', async () => {
  const began = performance.now();
  const asked = await end({ stats: { stored: 1, retries: 9 }, flush: full, endTimeoutMs: 3_000 });
  assert.ok(performance.now() - began > 2_900);
  assert.ok(asked.reduce((sum, ms) => sum + ms, 0) <= 3_000, String(asked));
});

test('a server that refuses us is not waited for', async () => {
  assert.deepEqual(await end({ stats: { stored: 1, retries: 9 }, flush: () => false }), [2_000]);
});
