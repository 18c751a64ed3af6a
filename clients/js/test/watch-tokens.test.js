// What a watch does about tokens, on a WebSocket of the test's own that connects, warns and ends when the test says so.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError, connect } from '@runcast/client';

import { eventually } from './support/runcast.js';
import { statuses } from './support/server.js';

const CONNECTED = {
  type: 'connected', runId: 'r', sessionId: 's', nodeId: 'n', epoch: '1', from: 1, tip: 0, cursor: '1:0', heartbeatSecs: 60,
};
const noRequests = () => Promise.reject(new Error('no request is expected'));

/** A watch whose sockets are kept in `sockets`, and its token function's calls in `asked`. */
function watched(t, tokenOf) {
  const [sockets, asked] = [[], []];
  class Socket extends EventTarget {
    readyState = 1;
    constructor() {
      super();
      sockets.push(this);
    }
    send() {}
    close() {}
    stand() {
      this.dispatchEvent(new Event('open'));
      this.tell(CONNECTED);
    }
    tell(message) {
      this.dispatchEvent(Object.assign(new Event('message'), { data: JSON.stringify(message) }));
    }
    end(code) {
      this.dispatchEvent(Object.assign(new Event('close'), { code, reason: '' }));
    }
  }
  const token = (refused) => {
    asked.push(refused);
    return tokenOf(asked.length);
  };
  const watch = connect({ url: 'http://runs.example', token, fetch: noRequests, WebSocket: Socket }).run('r').watch();
  t.after(() => watch.close());
  const told = statuses(watch);
  const done = watch[Symbol.asyncIterator]().next().then(() => 'ended', (error) => error);
  return { watch, sockets, asked, told, done };
}

const far = (token) => ({ token, expiresAt: Date.now() + 3_600_000 });
const expiring = { type: 'expiring', inSecs: 30, reconnectAfterMs: 0 };

test('a warning that a token ends has the next one fetched, however long the one of before was to be kept', async (t) => {
  const { sockets, asked, told } = watched(t, (n) => far(`t${n}`));
  await eventually(() => sockets.length === 1);
  sockets[0].stand();
  sockets[0].tell(expiring);
  await eventually(() => sockets.length === 2);
  assert.equal(asked.length, 2, 'the second link has a token of its own');
  sockets[1].stand();
  assert.ok(!told.some(({ status }) => status === 'reconnecting'));
});

test('a token function that fails ends no watch: one that stands goes on, and later it is asked again', async (t) => {
  const { watch, sockets, told } = watched(t, (n) => {
    if (n === 2) throw new ApiError(401, 'no_build_token', 'a refusal that does not pass');
    if (n === 3) throw new Error('down');
    return `t${n}`;
  });
  await eventually(() => sockets.length === 1);
  sockets[0].stand();
  sockets[0].tell({ type: 'draining', reconnectAfterMs: 0 });
  await eventually(() => sockets.length === 2);
  assert.equal(watch.status, 'live');
  assert.ok(!told.some(({ status }) => status === 'reconnecting'));
});

test('without a link, what may pass is told and tried again, and what does not pass ends the watch', async (t) => {
  const refusal = new ApiError(401, 'no_build_token', 'a refusal that does not pass');
  const failures = [new Error('down'), new ApiError(503, 'token_unavailable', 'soon', {}, 1), refusal];
  const { sockets, asked, told, done } = watched(t, (n) => {
    throw failures[n - 1];
  });
  assert.equal(await done, refusal);
  assert.deepEqual([sockets.length, asked.length], [0, 3]);
  const reconnecting = told.filter(({ status }) => status === 'reconnecting');
  assert.deepEqual(reconnecting.map(({ error, retryInMs }) => [error, retryInMs > 0]), failures.slice(0, 2).map((error) => [error, true]));
});

test('the end of a token closes its own link, and says nothing of the next one’s', async (t) => {
  const { watch, sockets, asked } = watched(t, (n) => far(`t${n}`));
  await eventually(() => sockets.length === 1);
  sockets[0].stand();
  sockets[0].tell(expiring);
  await eventually(() => sockets.length === 2);
  sockets[0].end(4401);
  assert.equal(watch.status, 'reconnecting');
  sockets[1].stand();
  assert.equal(watch.status, 'live');
  sockets[1].tell({ type: 'draining', reconnectAfterMs: 0 });
  await eventually(() => sockets.length === 3);
  assert.deepEqual(asked, [undefined, undefined], 'the second token was not refused, and is kept');
});

test('a link that ends while a token for the next one is fetched waits for it', async (t) => {
  let give;
  const { watch, sockets, asked } = watched(t, (n) => (n === 1 ? 't1' : new Promise((resolve) => (give = resolve))));
  await eventually(() => sockets.length === 1);
  sockets[0].stand();
  sockets[0].tell(expiring);
  await eventually(() => give !== undefined);
  sockets[0].end(4401);
  assert.equal(watch.status, 'reconnecting');
  give('t2');
  await eventually(() => sockets.length === 2);
  sockets[1].stand();
  sockets[1].tell({ type: 'draining', reconnectAfterMs: 0 });
  await eventually(() => asked.length === 3);
  assert.deepEqual([watch.status, asked], ['live', [undefined, undefined, undefined]]);
});

test('a refusal of the next link’s token takes nothing from the link that stands when that ends', async (t) => {
  const { watch, sockets, asked } = watched(t, (n) => far(`t${n}`));
  await eventually(() => sockets.length === 1);
  sockets[0].stand();
  sockets[0].tell(expiring);
  await eventually(() => sockets.length === 2);
  sockets[1].end(4401);
  assert.equal(watch.status, 'live');
  sockets[0].end(4401);
  await eventually(() => sockets.length === 3);
  sockets[2].stand();
  assert.equal(watch.status, 'live');
  assert.deepEqual(asked, [undefined, undefined, 't2'], 'what was refused is what the second link had');
});
