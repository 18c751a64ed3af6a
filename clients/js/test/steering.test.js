import assert from 'node:assert/strict';
import { test } from 'node:test';

import { command } from '../dist/command.js';
import { control } from '../dist/control.js';
import { Publisher } from '../dist/publish.js';
import { uuid7 } from '../dist/uuid7.js';
import { contextOf, eventually, server } from './support/runcast.js';
import { bodyOf, fake } from './support/servers.js';

const SETTINGS = { CONTROL__LEASE_SECS: 1, OBJECTS__SIGNING_KEY: 'ab'.repeat(32) };

/** A publisher that obeys: `{ received, joined }`. */
async function worker(t, node, options = {}) {
  const received = [];
  const problems = [];
  const onCommand = (command) => received.push(command.event);
  const onError = (problem) => problems.push(problem);
  const made = new Publisher(contextOf(node.url), 'r1', { commands: true, onCommand, onError, ...options });
  t.after(() => made.close({ timeoutMs: 1_000 }));
  made.emit({ type: 'worker', state: 'joined', can: ['pause', 'resume', 'step', 'manual_action', 'cancel'] });
  made.emit({ type: 'run_status', status: 'running' });
  await made.flush();
  return Object.assign(made, { received, problems });
}

/** Somebody who steers. */
const person = (node, user) => contextOf(node.url, { user });

test('a name has any letters', async (t) => {
  const node = await server(t);
  const p = await worker(t, node);
  for (const name of ['Łukasz', '田中', 'José', '<b> \u202e']) {
    const { id } = await command(person(node, name), 'r1', { type: 'pause' });
    const event = await eventually(() => p.received.find(({ commandId }) => commandId === id));
    assert.equal(event.by.name, name);
    await command(person(node, name), 'r1', { type: 'resume' });
  }
});

test('a pause is received while nothing is posted, and its end is seen by whoever wanted it', async (t) => {
  const node = await server(t);
  const p = await worker(t, node);
  const handle = await command(person(node, 'ada'), 'r1', { type: 'pause', maxSecs: 60 });
  assert.equal(handle.status, 'queued');
  const event = await eventually(() => p.received.find(({ type }) => type === 'pause_requested'));
  assert.deepEqual([event.commandId, event.by.name], [handle.id, 'ada']);
  const statuses = (async () => {
    const seen = [];
    for await (const status of handle) seen.push(status);
    return seen;
  })();
  p.report(handle.id, 'accepted');
  await eventually(() => handle.status === 'accepted');
  p.report(handle.id, 'done', { detail: 'paused before line 3', result: { line: 3 } });
  const result = { status: 'done', detail: 'paused before line 3', result: { line: 3 } };
  assert.deepEqual(await handle.done, result);
  assert.deepEqual(await statuses, ['queued', 'accepted', 'done']);
  for (let count = 0; count < 3; count += 1) {
    p.emit({ type: 'log', text: 'x' });
    await p.flush();
  }
  assert.equal(p.received.filter(({ type }) => type === 'pause_requested').length, 1, 'each command comes once');
});

test('whoever gives no name is known by the id of their client, in commands and on the socket', async (t) => {
  const node = await server(t);
  await worker(t, node);
  const context = contextOf(node.url, { clientId: 'client-0123456789' });
  const lease = await control(context, 'r1', { renewSecs: 60 });
  const { control: held } = await (await fetch(`${node.url}/api/runs/r1`)).json();
  await lease.release();
  assert.equal(held.holder.subject, 'anon:client-0123456789');
});

test('without a long poll commands come with the answers to posts', async (t) => {
  const node = await server(t);
  const p = await worker(t, node, { commands: false });
  const handle = await command(person(node, 'ada'), 'r1', { type: 'pause' });
  p.emit({ type: 'log', text: 'x' });
  await eventually(() => p.received.some(({ commandId }) => commandId === handle.id));
  p.report(handle.id, 'done');
  assert.equal((await handle.done).status, 'done');
});

test('an act is claimed by exactly one of two, whose report counts', async (t) => {
  const node = await server(t);
  const one = await worker(t, node, { variant: 'a' });
  const two = await worker(t, node, { variant: 'b' });
  await command(person(node, 'ada'), 'r1', { type: 'pause' });
  const action = { action: 'click', selector: '#save' };
  const options = { target: one.producer, ttlSecs: 60 };
  const handle = await command(person(node, 'ada'), 'r1', { type: 'manual_action', action }, options);
  await eventually(() => one.received.some(({ type }) => type === 'action_queued'));
  const claims = await Promise.all([one, two].map((each) => each.claim(handle.id).catch((error) => error)));
  assert.ok(claims[0].claim, JSON.stringify(claims[0]));
  assert.equal(claims[0].command.action.selector, '#save');
  assert.ok(claims[1] === undefined || claims[1].name === 'ApiError', String(claims[1]));
  assert.equal(await two.claim(handle.id).catch(() => undefined), undefined);
  one.report(handle.id, 'failed', { detail: 'no such button' });
  const { status, detail } = await handle.done;
  assert.deepEqual([status, detail], ['failed', 'no such button']);
});

test('a question is answered once, and the answer of a credential stands nowhere', async (t) => {
  const node = await server(t);
  const p = await worker(t, node, { commands: false });
  const asked = p.ask({ needs: 'choice', message: 'Which?', candidates: [{ id: 'a', label: 'A' }, { id: 'b', label: 'B' }] });
  const open = () => eventually(async () => (await node.json('/api/runs/r1')).asks?.find(({ state }) => (state ?? 'open') === 'open'));
  const { askId } = await open();
  const ada = person(node, 'ada');
  assert.equal((await command(ada, 'r1', { type: 'answer', askId, candidateId: 'b' })).status, 'done');
  const answer = await asked;
  assert.deepEqual([answer.candidateId, answer.event.by.name], ['b', 'ada']);
  await assert.rejects(command(ada, 'r1', { type: 'answer', askId, candidateId: 'a' }), { code: 'already_answered', status: 409 });

  const secret = p.ask({ askId: 'pin', needs: 'credential', message: 'PIN?' });
  await eventually(async () => (await node.json('/api/runs/r1')).asks.some((ask) => ask.askId === 'pin'));
  await command(ada, 'r1', { type: 'answer', askId: 'pin', value: 's3cret-4711' });
  assert.equal((await secret).value, 's3cret-4711');
  await p.flush();
  assert.ok(!JSON.stringify(await node.events('r1')).includes('s3cret-4711'));
});

test('a question that nobody answers expires with what the producer does then', async (t) => {
  const node = await server(t);
  const p = await worker(t, node, { commands: false });
  const answer = await p.ask({ needs: 'text', message: '?', expiresInSecs: 5, onTimeout: { action: 'continue', value: 7 } });
  assert.deepEqual([answer.resolution, answer.action, answer.value], ['expired', 'continue', 7]);
  assert.equal(answer.event.type, 'ask_expired');
});

test('a question that the server refuses, or that is given up, is rejected', async (t) => {
  const node = await server(t);
  const p = await worker(t, node);
  await assert.rejects(p.ask({ needs: 'nonsense' }), { code: 'invalid_field' });
  const controller = new AbortController();
  const asked = p.ask({ needs: 'text', message: '?' }, { signal: controller.signal });
  controller.abort(new Error('enough'));
  await assert.rejects(asked, /enough/);
  const open = p.ask({ needs: 'text', message: '?' });
  await p.close();
  await assert.rejects(open, /closed/);
});

test('a lease is taken, renewed, refused to others, stolen and given back', async (t) => {
  const node = await server(t, SETTINGS);
  await worker(t, node);
  const [ada, bob] = [person(node, 'ada'), person(node, 'bob')];
  const lease = await control(ada, 'r1', { renewSecs: 0.2 });
  // Renewed for longer than a lease lives by itself.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const refused = await control(bob, 'r1').catch((error) => error);
  assert.deepEqual([refused.code, refused.status, refused.members.holder.name], ['lease_held', 409, 'ada']);
  await assert.rejects(command(bob, 'r1', { type: 'resume' }), { code: 'lease_held' });
  await lease.command({ type: 'pause' });

  const stolen = await control(bob, 'r1', { steal: true });
  const lost = await lease.lost;
  assert.deepEqual([lost.code, lease.isHeld], ['lease_lost', false]);
  await assert.rejects(lease.command({ type: 'resume' }), { code: 'lease_lost' });
  await stolen[Symbol.asyncDispose]();
  const again = await control(ada, 'r1', { renewSecs: 60 });
  await again.release();
  await again.release();
});

test('a refusal has its code, and a request without an answer is repeated with the same id', async (t) => {
  const node = await server(t);
  await worker(t, node);
  const ada = person(node, 'ada');
  await assert.rejects(command(ada, 'nowhere', { type: 'pause' }), { code: 'run_not_found', status: 404 });
  await assert.rejects(command(ada, 'r1', { type: 'pause' }, { expect: { status: 'passed' } }), { code: 'expectation_failed' });
  const commandId = uuid7();
  const first = await command(ada, 'r1', { type: 'pause' }, { commandId });
  const second = await command(ada, 'r1', { type: 'pause' }, { commandId });
  assert.deepEqual([first.id, second.id, second.cursor], [commandId, commandId, first.cursor]);

  const ids = [];
  const flaky = await fake(t, async (request, response) => {
    ids.push(JSON.parse(await bodyOf(request)).commandId);
    if (ids.length === 1) return request.socket.resetAndDestroy();
    if (ids.length === 2) return response.writeHead(503, { 'retry-after': '0' }).end();
    response.writeHead(202).end(JSON.stringify({ commandId: ids[0], state: 'queued', cursor: '1:2' }));
  });
  const handle = await command(contextOf(flaky.url), 'r1', { type: 'pause' });
  assert.deepEqual([ids.length, new Set(ids).size, handle.id], [3, 1, ids[0]]);
});
