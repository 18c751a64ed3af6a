// What the page of operators makes of metrics.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { meanMs, quantileMs, rate, samplesOf, sum } = await load('ops/figures.ts');
const { ask, away, refused } = await load('ops/feed.ts');

const TEXT = `# HELP x words
# TYPE x counter
x{kind="a"} 3
x{kind="b"} 4
xy 100
wait_seconds_bucket{le="0.001"} 10
wait_seconds_bucket{le="0.01"} 98
wait_seconds_bucket{le="+Inf"} 100
wait_seconds_sum 0.5
wait_seconds_count 100
odd nothing
`;

test('metrics are summed over their labels, and counters become rates', () => {
  const now = samplesOf(TEXT);
  assert.equal(sum(now, 'x'), 7);
  assert.equal(sum(now, 'none'), null);
  assert.equal(now.has('odd'), false);
  const before = samplesOf('x{kind="a"} 1\nxy 200\n');
  assert.equal(rate(before, now, 'x', 2), 3);
  assert.equal(rate(before, now, 'xy', 2), null, 'the server was restarted');
  assert.equal(rate(null, now, 'x', 2), null);
});

test('means and quantiles are those of what was observed since', () => {
  const now = samplesOf(TEXT);
  assert.equal(meanMs(null, now, 'wait_seconds'), 5);
  assert.equal(quantileMs(null, now, 'wait_seconds', 0.95), 10);
  assert.equal(quantileMs(null, now, 'wait_seconds', 0.99), Infinity);
  assert.equal(quantileMs(now, now, 'wait_seconds', 0.99), null, 'nothing came');
});

test('a server that takes requests and answers none is away', async (t) => {
  t.mock.method(AbortSignal, 'timeout', () => AbortSignal.abort(new Error('nothing came in time')));
  t.mock.method(globalThis, 'fetch', (_, { signal }) => (signal.aborted ? Promise.reject(signal.reason) : never));
  const never = new Promise(() => {});
  await ask();
  assert.equal(away.value, 'nothing came in time');
});

test('whoever is signed out, or may no more, sees that instead of empty tables, and what comes back is seen', async (t) => {
  let [status, grants] = [200, [{ scopes: ['ops'], runs: ['*'] }]];
  const answers = {
    '/ready': () => ({ status: 'ok', dependencies: {}, warnings: [] }),
    '/api/me': () => ({ mode: 'token', grants }),
  };
  const asked = [];
  t.mock.method(globalThis, 'fetch', async (path) => {
    asked.push(path);
    const isOpen = path in answers;
    return {
      ok: isOpen || status === 200, status: isOpen ? 200 : status, json: async () => answers[path]?.() ?? {}, text: async () => '',
    };
  });
  await ask();
  assert.deepEqual([refused.value, away.value], [false, null]);
  status = 403; // and the rights are told as before
  await ask();
  assert.equal(refused.value, true);
  [status, grants] = [200, [{ scopes: ['ops'], runs: ['*'] }]];
  await ask();
  assert.equal(refused.value, false);
  [status, grants] = [401, []];
  await ask();
  assert.equal(refused.value, true);
  asked.length = 0;
  await ask();
  assert.deepEqual(asked.sort(), ['/api/me', '/ready'], 'nothing is asked for that is refused');
});
