// What the worker's session steers, and what it finds, in front of a real server.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually } from './support/session.js';
import { joined, log, open, post, PRODUCER, server, status, step, story } from './support/worker.js';

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
