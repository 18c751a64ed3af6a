import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { ClosedError, connect } from '@runcast/client';

import { closeWatches, collect, eventually, numbered, Server, statuses } from './support/server.js';

const SECRET = 'a secret of the issuer and the server';
/** A token is good for so much longer than it says, in seconds. */
const LEEWAY = 30;

let server;
let authorization;
before(async () => {
  const rules = [{ scopes: ['view'], runs: ['*'] }];
  const issuer = { name: 'corp', issuer: 'i', secret: SECRET, audiences: ['runcast'], rules };
  server = await Server.start({
    RUNCAST__AUTH__MODE: 'token',
    RUNCAST__AUTH__EXPIRING_SECS: '10',
    RUNCAST__AUTH__ISSUERS: JSON.stringify([issuer]),
  });
  authorization = `Bearer ${(await readFile(join(server.data, 'admin.key'), 'utf8')).trim()}`;
});
after(() => {
  closeWatches();
  return server.stop();
});

/** A token that is good for so many seconds from now on. */
function token(secs) {
  const now = Math.floor(Date.now() / 1000);
  const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: 'i', aud: 'runcast', sub: 'ann', iat: now, exp: now - LEEWAY + secs };
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

test('a watch whose token ends asks for another one in time, and goes on with it', async () => {
  await server.post('r1', numbered(1, 2), { authorization });
  const given = [];
  const next = () => {
    given.push(token(given.length === 0 ? 12 : 600));
    return given.at(-1);
  };
  const watch = connect({ url: server.url, token: next }).run('r1').watch();
  let stands = 0;
  watch.addEventListener('connected', () => (stands += 1));
  const told = statuses(watch);
  const seen = collect(watch);
  await seen.until(2);
  await eventually(() => stands === 2);
  const isOver = async () => (await fetch(`${server.url}/api/runs/r1`, { headers: { authorization: `Bearer ${given[0]}` } })).status;
  await eventually(async () => (await isOver()) === 401);
  await server.post('r1', numbered(3, 4), { authorization });
  assert.deepEqual((await seen.until(4)).map(({ n }) => n), [1, 2, 3, 4]);
  assert.ok(!told.some(({ status }) => status === 'reconnecting'), JSON.stringify(told));
  assert.equal(stands, 2);
  watch.close();
});

test('a watch that has no other token opens one more connection, and ends with the token', async () => {
  await server.post('r2', numbered(1, 2), { authorization });
  const only = token(12);
  const watch = connect({ url: server.url, token: () => only }).run('r2').watch();
  let stands = 0;
  watch.addEventListener('connected', () => (stands += 1));
  const seen = collect(watch);
  await seen.until(2);
  await seen.done;
  assert.ok(seen.failure instanceof ClosedError && seen.failure.closeCode === 4401, String(seen.failure));
  assert.equal(stands, 2);
});
