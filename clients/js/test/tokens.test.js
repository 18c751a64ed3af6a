import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connect } from '@runcast/client';

import { Tokens } from '../dist/tokens.js';
import { problem } from './support/publisher.js';
import { bodyOf, fake } from './support/servers.js';

const jwt = (secs) => `e.${Buffer.from(JSON.stringify({ exp: Date.now() / 1000 + secs })).toString('base64url')}.s`;

/** Tokens of a function that notes what it was asked with. */
function counted(make) {
  const refused = [];
  const tokens = new Tokens((shown) => {
    refused.push(shown);
    return make(refused.length);
  });
  return { tokens, refused };
}

test('a token is kept until shortly before its end, and asked for once by all who wait', async () => {
  const far = counted((n) => ({ token: `t${n}`, expiresAt: Date.now() + 3_600_000 }));
  assert.deepEqual(await Promise.all([far.tokens.get(), far.tokens.get()]), ['t1', 't1']);
  assert.equal(await far.tokens.get(), 't1');
  const over = counted((n) => ({ token: `t${n}`, expiresAt: Date.now() - 1 }));
  assert.deepEqual([await over.tokens.get(), await over.tokens.get()], ['t1', 't2']);
  const web = counted(() => jwt(3_600));
  assert.equal(await web.tokens.get(), await web.tokens.get(), 'a JSON Web Token says when it ends');
  assert.equal(web.refused.length, 1);
  const unknown = counted((n) => `t${n}`);
  assert.deepEqual([await unknown.tokens.get(), await unknown.tokens.get()], ['t1', 't2'], 'of others it is not known');
});

test('a token that was refused is replaced, but not one that came meanwhile', async () => {
  const { tokens, refused } = counted((n) => ({ token: `t${n}`, expiresAt: Date.now() + 3_600_000 }));
  await tokens.get();
  assert.equal(tokens.refuse('t1'), true);
  assert.equal(await tokens.get(), 't2');
  assert.equal(tokens.refuse('t1'), true);
  assert.equal(await tokens.get(), 't2');
  assert.deepEqual(refused, [undefined, 't1']);
  for (const fixed of ['t', undefined]) assert.equal(new Tokens(fixed).refuse(fixed), false);
});

test('while there is no other one, a token is good to its end', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  let isDown = false;
  const { tokens, refused } = counted(() => {
    if (isDown) throw new Error('down');
    return { token: 't', expiresAt: 1_010_000 };
  });
  assert.equal(await tokens.get(), 't');
  isDown = true;
  t.mock.timers.tick(9_500); // its last tenth has begun
  assert.equal(await tokens.get(), 't');
  assert.equal(refused.length, 2);
  t.mock.timers.tick(500);
  await assert.rejects(tokens.get(), /down/);
});

test('a request that is refused is sent once more with another token', async (t) => {
  const shown = [];
  const node = await fake(t, async (request, response) => {
    const body = (await bodyOf(request)).toString();
    shown.push([request.headers.authorization, body.length > 0]);
    if (request.headers.authorization !== 'Bearer t2') return problem(response, 401, 'credential_expired');
    response.writeHead(202).end(JSON.stringify({ stored: 1, duplicates: 0, producerSeq: 1 }));
  });
  const asked = [];
  const token = (refused) => (asked.push(refused), refused === 't1' ? 't2' : asked.length > 1 ? 't2' : 't1');
  const problems = [];
  const publisher = connect({ url: node.url, token }).run('r').publish({ onError: (told) => problems.push(told) });
  t.after(() => publisher.close({ timeoutMs: 0 }));
  publisher.emit({ type: 'log' });
  assert.equal((await publisher.flush({ timeoutMs: 60_000 })).delivered, true);
  assert.deepEqual(shown, [['Bearer t1', true], ['Bearer t2', true]]);
  assert.deepEqual([asked, problems], [[undefined, 't1'], []]);
});

test('a watch that is refused connects once more with another token, and is told if that is refused as well', async (t) => {
  const shown = [];
  const node = await fake(t, (_, response) => problem(response, 401, 'credential_expired'));
  node.server.on('upgrade', (request, socket) => {
    shown.push(request.headers.authorization);
    const body = JSON.stringify({ code: 'credential_expired', detail: 'over' });
    socket.end(`HTTP/1.1 401 No\r\nContent-Type: application/problem+json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  let count = 0;
  const watch = connect({ url: node.url, token: () => `t${(count += 1)}` }).run('r').watch();
  await assert.rejects(watch[Symbol.asyncIterator]().next(), { closeCode: 4401 });
  assert.deepEqual(shown, ['Bearer t1', 'Bearer t2']);
});
