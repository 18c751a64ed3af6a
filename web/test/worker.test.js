// The worker's session in front of a real server.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { BINARY, edit, Server } from '../../clients/js/test/support/server.js';
import { lines } from '../bench/events.mjs';
import { eventually, Page } from './support/session.js';

let server;
const pages = [];
before(async () => (server = await Server.start()));
after(() => {
  for (const page of pages) page.session.close();
  return server.stop();
});

function open(run, options, at = server) {
  const page = new Page(at.url, run, options);
  pages.push(page);
  page.openLog();
  return page;
}

const PRODUCER = 'p1';
const posted = new Map();

/** Posts as a producer, which numbers its events. */
async function post(run, events, producer, at = server) {
  const name = `${at.url} ${run} ${producer}`;
  const seq = (posted.get(name) ?? 0) + 1;
  const told = await at.post(run, events, { 'runcast-producer': producer, 'runcast-producer-seq': String(seq) });
  posted.set(name, seq + events.length - 1);
  return told;
}

const time = (ms) => new Date(Date.now() + ms).toISOString();
const status = (testId, is, data = {}) => ({ type: 'test_status', testId, status: is, timestamp: time(0), data });
const step = (testId, id, phase, more = {}) => ({
  type: 'test_step',
  testId,
  timestamp: time(0),
  step: { stepNumber: Number(id), id, attempt: 0, phase, ...more },
});
const log = (text, more = {}) => ({ type: 'log', timestamp: time(0), text: `${text}\n`, ...more });
const plan = (count) => ({
  type: 'test_plan',
  tests: Array.from({ length: count }, (_, at) => ({
    testId: `t${at}`,
    title: ['cart', `test ${at}`],
    file: 'cart.spec.ts',
    line: at,
  })),
});

/** A run of some tests, of which the second fails; the last one runs. */
function story(tests = 4) {
  const events = [
    { type: 'run_status', status: 'running', data: { total: tests, workers: 2, meta: { project: 'shop', number: 7 } } },
    plan(tests),
  ];
  for (let at = 0; at < tests; at += 1) {
    events.push(status(`t${at}`, 'running', { attempt: 0, slot: at % 2, workerIndex: at % 2 }));
    events.push(step(`t${at}`, '1', 'begin', { title: 'Click', subtitle: 'button' }));
    events.push(log(`output of ${at}`, { testId: `t${at}` }));
    if (at === tests - 1) break;
    events.push(step(`t${at}`, '1', 'end', { title: 'Click', durationMs: 5 }));
    events.push(
      at === 1
        ? status('t1', 'failed', {
            attempt: 0,
            durationMs: 10,
            outcome: 'unexpected',
            errors: [{ message: 'Error: \u001b[31mno\u001b[39m', location: 'a.ts:1:2' }],
          })
        : status(`t${at}`, 'passed', { attempt: 0, durationMs: 10 }),
    );
  }
  return events;
}

/** What everybody sees of a page, without what depends on when they came. */
const seen = (page) => ({
  word: page.head.word,
  counts: page.head.counts,
  seq: page.head.seq,
  texts: page.texts(),
  tests: [...page.tests.values()].map(
    ({ order, key, status: is, outcome, error, step: now, slotLabel, failedSeq }) => ({
      order,
      key,
      is,
      outcome,
      error,
      title: now?.title,
      slotLabel,
      failedSeq,
    }),
  ),
});

test('a page that is there before the first event waits, and then sees everything', async () => {
  const page = open('before');
  await eventually(() => page.head?.word === 'waiting' && page.connection?.status === 'live');
  await post('before', story(), PRODUCER);
  await eventually(() => page.head.seq > 15 && page.tests.size === 4);
  await eventually(() => page.texts().includes('output of 3'));
  assert.equal(page.head.word, 'failing');
  assert.deepEqual(page.head.counts, { failed: 1, flaky: 0, passed: 2, skipped: 0, running: 1, queued: 0, asks: 0 });
  assert.deepEqual(
    page.head.slots.map(({ label, running }) => [label, running]),
    [
      ['0', false],
      ['1', true],
    ],
  );
  assert.equal(page.head.meta.number, 7);
});

test('whoever joins in the middle or at the end sees the same as whoever was there', async () => {
  const events = story(6);
  await post('same', events.slice(0, 12), PRODUCER);
  const middle = open('same');
  await eventually(() => middle.complete && middle.head.seq === 12);
  await post('same', events.slice(12), PRODUCER);
  await eventually(() => middle.head.seq === events.length && middle.texts().includes('output of 5'));
  const late = open('same');
  await eventually(() => late.complete && late.texts().includes('output of 5'));
  assert.deepEqual(seen(middle), seen(late));
  assert.equal(late.tests.get('0:t5').startedAt !== null, true);
  assert.equal(late.tests.get('0:t5').step.startedAt !== null, true);
  assert.equal(typeof late.tests.get('0:t1').failedSeq, 'number');
});

test('a test that is open has its attempts and steps, and is told only what changed', async () => {
  await post('detail', story(), PRODUCER);
  const page = open('detail');
  await eventually(() => page.complete);
  page.tell({ type: 'test', key: '0:t1' });
  await eventually(() => page.detail && !page.detail.loading);
  assert.deepEqual(
    page.detail.attempts.map(({ status: is, errors }) => [is, errors[0].location]),
    [['failed', 'a.ts:1:2']],
  );
  assert.deepEqual(
    [...page.detail.steps.values()].map(({ title, state, durationMs }) => [title, state, durationMs]),
    [['Click', 'passed', 5]],
  );
  page.tell({ type: 'test', key: '0:t3' });
  await eventually(() => page.detail.key === '0:t3' && !page.detail.loading && page.detail.steps.size === 1);
  const told = [];
  const { receive } = page;
  page.receive = (message) => (message.type === 'detail' && told.push(message), receive.call(page, message));
  await post(
    'detail',
    [step('t3', '2', 'begin', { title: 'Fill' }), step('t0', '9', 'begin', { title: 'not ours' })],
    PRODUCER,
  );
  await eventually(() => page.detail.steps.size === 2);
  assert.deepEqual(
    told.map(({ steps, reset }) => [steps.map(({ title }) => title), reset]),
    [[['Fill'], false]],
  );
});

test('the log of one test, of one slot and of the run', async () => {
  await post('scopes', story(6), PRODUCER);
  const page = open('scopes');
  await eventually(() => page.complete && page.log.rows.length > 0);
  page.openLog({ of: 'test', key: '0:t1' });
  await eventually(() => page.texts().includes('output of 1'));
  assert.deepEqual(
    page.log.rows.map(({ kind }) => kind),
    ['test', 'log', 'error', 'test'],
  );
  page.openLog({ of: 'slot', producer: 'p1', slot: 0 });
  await eventually(() => page.texts().includes('output of 4'));
  assert.deepEqual(
    page.texts().filter((text) => text.startsWith('output')),
    ['output of 0', 'output of 2', 'output of 4'],
  );
});

test('a long log grows at its edges, begins around an event, and follows the tip', async () => {
  const lines = Array.from({ length: 6_000 }, (_, at) => log(`line ${at + 1}`));
  for (let at = 0; at < lines.length; at += 2_000) await post('long', lines.slice(at, at + 2_000), PRODUCER);
  const page = open('long');
  await eventually(() => page.log.rows.length > 0);
  assert.equal(page.texts().at(-1), 'line 6000');
  assert.ok(page.log.rows.length <= 2_000 && page.log.earlier && !page.log.later);
  const first = page.log.rows[0].seq;
  page.more('earlier');
  await eventually(() => page.log.rows[0].seq < first);
  page.openLog({ of: 'run' }, 3_000);
  await eventually(
    () => page.log.rows.some(({ seq }) => seq === 3_000) && page.log.rows.some(({ seq }) => seq === 2_999),
  );
  assert.ok(page.log.earlier && page.log.later);
  const last = page.log.rows.at(-1).seq;
  await post('long', [log('new')], PRODUCER);
  await eventually(() => page.head.seq === 6_001);
  assert.equal(page.log.rows.at(-1).seq, last, 'a log that does not show the tip does not follow it');
  for (let round = 0; page.log.later && round < 20; round += 1) {
    const { length } = page.log.rows;
    page.more('later');
    await eventually(() => page.log.rows.length > length || !page.log.later);
  }
  assert.equal(page.texts().at(-1), 'new');
  const seqs = page.log.rows.map(({ seq }) => seq);
  assert.deepEqual(
    seqs,
    Array.from({ length: seqs.length }, (_, at) => seqs[0] + at),
  );
  await post('long', [log('newer')], PRODUCER);
  await eventually(() => page.texts().at(-1) === 'newer');
});

test('moments of the past: from what was seen, and from the server', async () => {
  const events = story(6);
  await post('past', events.slice(0, 10), PRODUCER);
  const page = open('past');
  await eventually(() => page.complete && page.head.seq === 10);
  await post('past', events.slice(10), PRODUCER);
  await eventually(() => page.head.seq === events.length);
  for (const seq of [4, 20, 9, 12]) page.tell({ type: 'moment', to: { seq } });
  await eventually(() => page.moment.seq === 12 && !page.moment.loading && page.head.seq === 12);
  assert.equal(page.head.ticking, false);
  assert.deepEqual(
    [...page.tests.values()].map(({ status: is }) => is),
    ['passed', 'failed', 'pending', 'pending', 'pending', 'pending'],
  );
  assert.equal(page.tests.get('0:t1').failedSeq, 12);
  await eventually(() => page.log.rows.length > 0);
  assert.equal(Math.max(...page.log.rows.map(({ seq }) => seq)), 12);
  page.tell({ type: 'moment', to: { seq: 2 } });
  await eventually(() => page.head.seq === 2 && !page.moment.loading);
  assert.equal(page.head.counts.queued, 6);
  await post('past', [log('while one looks at the past')], PRODUCER);
  await eventually(() => page.connection.seq === events.length + 1);
  assert.equal(page.head.seq, 2);
  page.tell({ type: 'moment', to: 'live' });
  await eventually(
    () =>
      page.moment.live && page.head.seq === events.length + 1 && page.texts().at(-1) === 'while one looks at the past',
  );
  assert.deepEqual(seen(page), seen(await joined('past', events.length + 1)));
  const at = (await page.call('event', { seq: 12 })).at;
  page.tell({ type: 'moment', to: { at: Date.parse(at) } });
  await eventually(() => !page.moment.live && !page.moment.loading && page.head.seq >= 12);
});

async function joined(run, seq, at = server) {
  const page = open(run, {}, at);
  await eventually(
    () => page.complete && page.head.seq >= seq && page.log.rows.length > 0 && page.log.rows.at(-1).seq >= seq - 2,
  );
  return page;
}

test('after a restart in the middle nothing is missing and nothing doubled', async () => {
  const own = await Server.start();
  try {
    await post('restart', story(3), PRODUCER, own);
    const page = open('restart', {}, own);
    await eventually(() => page.complete && page.log.rows.length > 0);
    const { seq } = page.head;
    await own.end('SIGKILL');
    await eventually(() => page.connection.status === 'reconnecting');
    assert.ok(page.connection.error !== null);
    await own.restart();
    await post('restart', [log('after'), log('the restart')], PRODUCER, own);
    page.tell({ type: 'visible', visible: true }); // tries at once
    await eventually(() => page.texts().includes('the restart') && page.connection.status === 'live');
    const fresh = await joined('restart', seq + 2, own);
    const said = page.log.rows.filter(({ kind }) => kind === 'divider').length;
    assert.ok(said <= 1);
    assert.deepEqual(
      seen(page).texts.filter((text) => !/arrived meanwhile/.test(text)),
      seen(fresh).texts,
    );
    assert.deepEqual(seen(page).tests, seen(fresh).tests);
    page.session.close();
    fresh.session.close();
  } finally {
    await own.stop();
  }
});

test('when the store has lost its last writes, what was taken back is gone', async () => {
  const own = await Server.start();
  try {
    await post('reset', story(3).slice(0, 6), PRODUCER, own);
    await own.end('SIGTERM');
    // What the disk held when the power went: the store has to doubt it.
    await edit(
      own,
      "UPDATE meta SET value = CASE key WHEN 'clean' THEN '0' ELSE 'another' END WHERE key IN ('clean', 'boot_id')",
    );
    await cp(own.data, `${own.data}-then`, { recursive: true });
    await own.restart();
    const page = open('reset', {}, own);
    await eventually(() => page.complete && page.head.seq === 6 && page.log.rows.length > 0);
    await post('reset', [log('to be lost'), status('t0', 'failed', { attempt: 0 })], PRODUCER, own);
    await eventually(() => page.texts().includes('to be lost') && page.head.counts.failed === 1);
    await own.end('SIGKILL');
    await rm(own.data, { recursive: true });
    await cp(`${own.data}-then`, own.data, { recursive: true });
    await own.restart();
    await post('reset', [log('anew')], 'p2', own);
    await eventually(() => page.texts().includes('anew') && !page.texts().includes('to be lost'));
    assert.deepEqual(
      page.notices.filter(({ kind }) => kind === 'reset'),
      [{ kind: 'reset', from: 7 }],
    );
    assert.ok(page.log.rows.some(({ kind, seq }) => kind === 'divider' && seq === 7));
    assert.deepEqual([page.head.seq, page.head.counts.failed], [7, 0]);
    page.session.close();
  } finally {
    await own.stop();
  }
});

test('commands, control and refusals', async () => {
  await post('steer', [{ type: 'worker', state: 'joined', can: ['pause', 'resume'] }, ...story(3)], PRODUCER);
  const ada = open('steer', { user: 'Ada' });
  const bob = open('steer', { user: 'Bob', clientId: 'test-client-0002' });
  await eventually(() => ada.complete && bob.complete);
  assert.ok(ada.head.steerable);
  await ada.call('takeControl', { steal: false });
  await eventually(() => ada.head.control.mine && bob.head.control.holder?.name === 'Ada');
  assert.equal(bob.head.control.mine, false);
  await assert.rejects(bob.call('takeControl', { steal: false }), { code: 'lease_held' });
  const { commandId } = await ada.call('command', { command: { type: 'pause' } });
  await eventually(
    () => bob.head.word === 'paused' && bob.head.paused.by.name === 'Ada' && bob.texts().includes('Ada paused the run'),
  );
  const running = () => [...bob.tests.values()].find(({ status: is }) => is === 'running');
  assert.equal(running().paused, false, 'it pauses when its producer says so');
  await post('steer', [{ type: 'command_status', commandId, status: 'done' }], PRODUCER);
  await eventually(() => running().paused && bob.head.slots.some(({ paused }) => paused));
  await ada.call('command', { command: { type: 'resume' } });
  await eventually(() => bob.head.word !== 'paused' && bob.head.paused === null);
  await ada.call('releaseControl', null);
  await eventually(() => bob.head.control.holder === null);
  await assert.rejects(bob.call('nothing', {}), { code: 'not_found' });
  await assert.rejects(bob.call('event', { seq: 99_999 }), { code: 'event_unknown' });
  assert.equal((await bob.call('event', { seq: 1 })).type, 'worker');
});

test('a question is asked, shown at its test, and ends', async () => {
  await post('ask', story(3), PRODUCER);
  const page = open('ask');
  await eventually(() => page.complete);
  await post(
    'ask',
    [
      {
        type: 'ai_stuck',
        askId: 'q1',
        needs: 'choice',
        message: 'Which one?',
        attempts: 2,
        testId: 't2',
        candidates: [
          { id: 'a', label: 'A', box: [1, 2, 3, 4] },
          { id: 'b', label: 'B', box: { x: 1, y: 2, width: 3, height: 4 } },
        ],
        onTimeout: { action: 'continue', value: 'a' },
      },
    ],
    PRODUCER,
  );
  await eventually(() => page.head.word === 'needs_you');
  const [ask] = page.head.asks;
  assert.deepEqual(
    [ask.question, ask.attempts, ask.onTimeout, ask.onTimeoutValue, ask.test],
    ['Which one?', ['Tried 2 times'], 'continue', 'a', '0:t2'],
  );
  assert.deepEqual(
    ask.candidates.map(({ box }) => box),
    [
      { x: 1, y: 2, width: 3, height: 4 },
      { x: 1, y: 2, width: 3, height: 4 },
    ],
  );
  assert.equal(page.tests.get('0:t2').askId, 'q1');
  await page.call('command', { command: { type: 'answer', askId: 'q1', candidateId: 'b' } });
  await eventually(() => page.head.asks.length === 0 && page.tests.get('0:t2').askId === null);
  assert.ok(page.texts().includes('ada chose b'));
});

test('tests of several variants are their own, and slots say whose they are', async () => {
  const page = open('variants');
  await eventually(() => page.connection?.status === 'live');
  for (const variant of ['linux', 'windows']) {
    const producer = `on-${variant}`;
    await post('variants', [{ type: 'worker', state: 'joined', can: [], slots: 1, variant }], producer);
    await post(
      'variants',
      [
        status('same', 'running', { attempt: 0, slot: 0, title: ['a', 'same'] }),
        log(`from ${variant}`, { testId: 'same', variant }),
        { ...step('same', '1', 'begin', { title: `on ${variant}` }), variant },
      ],
      producer,
    );
  }
  await eventually(() => page.tests.size === 2 && page.texts().includes('from windows'));
  const rows = () =>
    [...page.tests.values()].map(({ key, variant, slotLabel, step: now }) => [key, variant, slotLabel, now?.title]);
  await eventually(() => page.head.slots.length === 2 && rows().every(([, , label]) => label?.includes('.')));
  assert.deepEqual(rows(), [
    ['5:linuxsame', 'linux', '1.0', 'on linux'],
    ['7:windowssame', 'windows', '2.0', 'on windows'],
  ]);
  assert.deepEqual(page.head.variants, ['linux', 'windows']);
  page.openLog({ of: 'test', key: '5:linuxsame' });
  await eventually(() => page.texts().includes('from linux'));
  assert.ok(!page.texts().includes('from windows'));
  page.openLog({ of: 'slot', producer: 'on-windows', slot: 0 });
  await eventually(() => page.texts().includes('from windows'));
  assert.ok(!page.texts().includes('from linux'));
  page.tell({ type: 'test', key: '7:windowssame' });
  await eventually(() => page.detail && !page.detail.loading && page.detail.steps.size === 1);
  assert.deepEqual(
    [...page.detail.steps.values()].map(({ title }) => title),
    ['on windows'],
  );
});

test('what is searched for is found by the server, with its test and time', async () => {
  await post('search', story(5), PRODUCER);
  const page = open('search');
  await eventually(() => page.complete);
  const { hits, more } = await page.call('search', { q: 'OUTPUT of 2' });
  assert.deepEqual(
    hits.map(({ test: of, type, excerpt, ranges: [[from, to]] }) => [of, type, excerpt.slice(from, to)]),
    [['0:t2', 'log', 'output of 2']],
  );
  assert.equal(more, false);
  assert.equal(typeof hits[0].at, 'number');
  const all = await page.call('search', { q: 'output', test: '0:t1' });
  assert.deepEqual(
    all.hits.map(({ test: of }) => of),
    ['0:t1'],
  );
  await assert.rejects(page.call('compare', { with: 'a b' }), ({ code }) => typeof code === 'string');
});

test('a server that is not there is told', async () => {
  const page = open('gone', {}, { url: 'http://127.0.0.1:9' });
  await eventually(() => page.connection?.error);
  assert.deepEqual([page.head, page.connection.status], [null, 'reconnecting']);
  page.session.close();
});

test('nothing is posted while nothing changes', async () => {
  await post('still', [...story(2), { type: 'run_status', status: 'passed' }], PRODUCER);
  const page = open('still');
  await eventually(() => page.complete && page.log.rows.length > 0 && page.connection.status === 'live');
  await eventually(async () => {
    const { length } = page.messages;
    await new Promise((resolve) => setTimeout(resolve, 400));
    return page.messages.length === length;
  });
});

test('a large run is joined with few requests, and is what somebody sees who was there', async () => {
  const events = 100_000;
  const file = join(server.home, 'large.ndjson');
  await writeFile(file, `${[...lines(events, 1_200)].join('\n')}\n`);
  const there = open('large');
  await eventually(() => there.connection?.status === 'live');
  await promisify(execFile)(BINARY, ['publish', 'large', file, '--url', server.url]);
  await eventually(() => there.head.seq === events && there.texts().at(-1) === 'Run failed', 60_000);
  assert.ok(there.log.rows.length <= 20_000);
  const late = open('large');
  const { http } = late.session.run;
  await eventually(() => late.head !== null, 60_000);
  await eventually(() => late.complete && late.log.rows.length > 0 && late.timeline !== null, 60_000);
  assert.ok(http.requests - http.repeats <= 20, `${http.requests} requests, ${http.repeats} of them repeated`);
  assert.ok(http.received < 2 * 1024 * 1024, `${http.received} bytes`);
  // The journal's time of a few events is known to the server alone.
  const plain = ({ texts: _, ...of }) => of;
  assert.deepEqual(plain(seen(late)), plain(seen(there)));
  const rows = late.texts();
  assert.deepEqual(rows, there.texts().slice(-rows.length));
  assert.equal(
    late.timeline.bins.reduce((sum, one) => sum + one, 0),
    events,
  );
  const middle = events / 2;
  late.tell({ type: 'moment', to: { seq: middle } });
  there.tell({ type: 'moment', to: { seq: middle } });
  await eventually(() => [late, there].every(({ moment, head }) => !moment.loading && head.seq === middle), 60_000);
  assert.deepEqual(plain(seen(late)), plain(seen(there)));
  await server.post('large', [log('one more')]);
  await eventually(() => late.connection.seq === events + 1);
  late.tell({ type: 'moment', to: 'live' });
  await eventually(() => late.head.seq === events + 1 && late.texts().at(-1) === 'one more');
});
