import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { Detail } = await load('worker/detail.ts');
const { Bins } = await load('worker/timeline.ts');
const { countsOf, Durations, elapsedOf, leftOf, totalOf, wordOf } = await load('worker/words.ts');
const { Slots } = await load('worker/slots.ts');
const { Moments } = await load('worker/moments.ts');
const { Outbox } = await load('worker/outbox.ts');
const { TestFacts } = await load('worker/facts.ts');
const { headOf, emptyState } = await load('worker/head.ts');

const AT = Date.parse('2026-11-27T10:00:00.000Z');
const stamp = (ms) => new Date(AT + ms).toISOString();
let seq = 0;
const status = (is, data = {}, more = {}) => ({
  seq: (seq += 1),
  type: 'test_status',
  testId: 't',
  status: is,
  timestamp: stamp(seq),
  producer: 'p',
  data,
  ...more,
});
const step = (id, phase, more = {}) => ({
  seq: (seq += 1),
  type: 'test_step',
  testId: 't',
  timestamp: stamp(seq),
  step: { stepNumber: 1, id, phase, ...more },
});

test('steps are a tree, belong to their attempt, and what is open at its end has not ended', () => {
  const detail = new Detail((_, slot) => `w${slot}`);
  for (const event of [
    step('0', 'begin', { title: 'Before Hooks', attempt: 0 }), // before the status of its attempt
    status('running', { attempt: 0, slot: 3 }),
    step('1', 'begin', { title: ['a', 'b'], parent: '0', params: { x: 1 } }),
    step('1', 'end', { error: { message: 'no', location: 'a:1' }, durationMs: 7, pausedMs: 2 }),
    step('2', 'begin', { title: 'open' }),
    status('failed', {
      attempt: 0,
      durationMs: 12,
      errors: [{ message: 'E', stack: 's' }, 'text', 3],
      attachments: [{ name: 'trace', size: 3, artifact: 'x' }, {}],
    }),
    status('running', { attempt: 1 }),
    step('1', 'begin', { title: 'again' }),
  ])
    detail.take(event);
  const { attempts, steps, reset } = detail.change();
  assert.ok(reset);
  assert.deepEqual(
    attempts.map((one) => [one.attempt, one.status, one.slotLabel, one.errors.length, one.attachments.length]),
    [
      [0, 'failed', 'w3', 2, 1],
      [1, 'running', null, 0, 0],
    ],
  );
  assert.deepEqual(
    steps.map((one) => [one.attempt, one.id, one.parent, one.title, one.state]),
    [
      [0, '0', null, 'Before Hooks', 'unended'],
      [0, '1', '0', 'a › b', 'failed'],
      [0, '2', null, 'open', 'unended'],
      [1, '1', null, 'again', 'running'],
    ],
  );
  assert.deepEqual(
    [steps[1].durationMs, steps[1].pausedMs, steps[1].error.location, steps[1].params],
    [7, 2, 'a:1', { x: 1 }],
  );
  assert.equal(detail.isChanged, false);
  detail.take(step('1', 'end', { durationMs: 1 }));
  assert.deepEqual(
    detail.change().steps.map(({ attempt, state }) => [attempt, state]),
    [[1, 'passed']],
  );
});

test('a test that begins anew forgets what came of that attempt', () => {
  const detail = new Detail(() => null);
  for (const event of [status('running', { attempt: 0 }), step('1', 'begin'), status('interrupted', { attempt: 0 })])
    detail.take(event);
  detail.change();
  detail.take(status('running', { attempt: 0 }, { producer: 'q' }));
  const { reset, steps, attempts } = detail.change();
  assert.deepEqual(
    [reset, steps, attempts.map(({ producer, endSeq }) => [producer, endSeq])],
    [true, [], [['q', null]]],
  );
});

test('steps beyond the bound are counted', () => {
  const detail = new Detail(() => null);
  detail.take(status('running', { attempt: 0 }));
  for (let at = 0; at < 20_010; at += 1) {
    detail.take(step(`s${at}`, 'begin'));
    detail.take(step(`s${at}`, 'end'));
  }
  const { steps, omitted } = detail.change();
  assert.deepEqual([steps.length, omitted], [20_000, 10]);
});

test('bins have equal time, and two become one as the run goes on', () => {
  const bins = new Bins();
  for (let at = 1; at <= 10_000; at += 1) bins.add(at, AT + at * 37);
  const { from, to, bins: counts, seqs } = bins.timeline;
  assert.ok(counts.length <= 200 && counts.length >= 100, `${counts.length}`);
  assert.equal(
    counts.reduce((sum, one) => sum + one, 0),
    10_000,
  );
  assert.equal(seqs.at(-1), 10_000);
  assert.deepEqual(
    [...seqs].sort((one, other) => one - other),
    seqs,
  );
  assert.ok(from === AT + 37 && to >= AT + 370_000);
  const { after, until } = bins.near(AT + 37 * 5_000);
  assert.ok(after < 5_000 && until >= 5_000);
});

test('the timeline of the server goes on with what comes, and void events go', () => {
  const bins = new Bins();
  const server = Array.from({ length: 200 }, (_, at) => ({
    seq: (at + 1) * 5_000,
    at: AT + (at + 1) * 1_000,
    events: 5_000,
  }));
  bins.begin({ tip: 1_000_000, bins: server, marks: [{ seq: 7, at: AT, kind: 'failed', test: null }] }, AT);
  bins.add(999_999, AT + 200_000); // known
  for (let at = 1; at <= 1_000; at += 1) bins.add(1_000_000 + at, AT + 200_000 + at * 100);
  bins.mark({ seq: 1_000_500, at: AT, kind: 'ask', test: null });
  const sum = () => bins.timeline.bins.reduce((total, one) => total + one, 0);
  assert.equal(sum(), 1_001_000);
  assert.ok(bins.timeline.bins.length <= 200);
  bins.dropFrom(1_000_101);
  assert.equal(sum(), 1_000_100);
  assert.deepEqual([bins.last, bins.timeline.marks.map(({ seq: one }) => one)], [1_000_100, [7]]);
});

test('marks are bounded, and failures stay longest', () => {
  const bins = new Bins();
  bins.add(1, AT);
  for (let at = 0; at < 400; at += 1) bins.mark({ seq: at, at: AT, kind: 'flaky', test: null });
  for (let at = 400; at < 1_200; at += 1) bins.mark({ seq: at, at: AT, kind: 'failed', test: null });
  const { marks } = bins.timeline;
  assert.deepEqual([marks.length, marks.every(({ kind }) => kind === 'failed')], [500, true]);
});

const state = (more) => ({ ...emptyState('r'), events: 5, startedAt: stamp(0), ...more });

test('the word says what a person should know first', () => {
  const joined = [{ state: 'joined' }];
  const asks = [{ askId: 'q' }];
  for (const [members, producers, word] of [
    [{ events: 0 }, [], 'waiting'],
    [{ status: null }, [], 'queued'],
    [{ status: 'queued' }, joined, 'queued'],
    [{ status: 'running' }, joined, 'running'],
    [{ status: 'running', outcomes: { unexpected: 1 } }, joined, 'failing'],
    [{ status: 'failing' }, joined, 'failing'],
    [{ status: 'running', paused: {}, outcomes: { unexpected: 1 } }, joined, 'paused'],
    [{ status: 'running', paused: {}, asks }, joined, 'needs_you'],
    [{ status: 'running' }, [{ state: 'silent' }], 'stalled'],
    [{ status: 'running' }, [{ state: 'silent' }, ...joined], 'running'],
    [{ status: 'running' }, [{ state: 'silent' }, { state: 'left' }], 'stalled'],
    [{ status: 'passed', asks }, [{ state: 'silent' }], 'passed'],
    [{ status: 'lost' }, [], 'lost'],
  ])
    assert.equal(wordOf(state(members), producers), word, JSON.stringify(members));
});

test('each test is counted once, and those that are announced by number are queued', () => {
  const counts = { pending: 2, running: 1, passed: 3, failed: 1, skipped: 1, timedout: 0, interrupted: 0 };
  const of = state({ counts, outcomes: { expected: 2, unexpected: 1, flaky: 1, skipped: 1 }, total: 20 });
  assert.equal(totalOf(of), 20);
  assert.deepEqual(countsOf(of), { failed: 1, flaky: 1, passed: 2, skipped: 1, running: 1, queued: 14, asks: 0 });
  assert.equal(totalOf(state({ counts, total: null })), 8);
});

test('pauses are no part of how long it took', () => {
  assert.deepEqual(elapsedOf(state({ status: 'running' }), AT + 5_000), { elapsedMs: 5_000, ticking: true });
  const paused = { since: stamp(3_000), until: stamp(9_000), by: {}, earlierMs: 500 };
  assert.deepEqual(elapsedOf(state({ status: 'running', paused }), AT + 5_000), { elapsedMs: 2_500, ticking: false });
  assert.deepEqual(elapsedOf(state({ status: 'passed', elapsedMs: 4_000 }), AT + 9e9), {
    elapsedMs: 4_000,
    ticking: false,
  });
  const later = state({
    status: 'passed',
    elapsedMs: 10,
    producer: { startedAt: stamp(-900_000), endedAt: stamp(-600_000) },
  });
  assert.equal(elapsedOf(later, AT).elapsedMs, 300_000, 'a run that was posted afterwards');
});

test('what is left is said when it can be said honestly', () => {
  const durations = new Durations();
  const counts = (queued, running) => ({ failed: 0, flaky: 0, passed: 0, skipped: 0, running, queued, asks: 0 });
  assert.equal(leftOf(counts(10, 2), durations, 2, [null, null]), null);
  for (let at = 0; at < 4; at += 1) durations.add(1_000);
  assert.equal(leftOf(counts(10, 2), durations, 2, [400, 600]), 5_500);
  assert.equal(leftOf(counts(0, 1), durations, 2, [5_000]), 1_000, 'one that takes longer than others');
  assert.equal(leftOf(counts(500, 2), durations, 2, [0, 0]), null, 'too few have ended');
  assert.equal(leftOf(counts(0, 0), durations, 2, []), null);
  durations.remove(1_000);
  assert.equal(durations.count, 3);
});

test('slots have small numbers, and those of several producers say whose they are', () => {
  const slots = new Slots();
  const run = (key, producer, slot, is) => slots.take(key, { testId: key, producer, slot, status: is });
  assert.equal(run('a', 'p1', 0, 'running'), false);
  run('b', 'p1', 1, 'running');
  run('c', 'p1', 0, 'pending');
  assert.deepEqual(
    slots.list(() => true).map(({ label, test: of, running, paused, stream }) => [label, of, running, paused, stream]),
    [
      ['0', 'a', true, true, 'p1/0'],
      ['1', 'b', true, true, 'p1/1'],
    ],
  );
  run('a', 'p1', 0, 'passed');
  run('c', 'p1', 0, 'running');
  assert.equal(run('d', 'p2', 0, 'running'), true, 'all labels change');
  assert.deepEqual(
    slots.list(() => false).map(({ label, test: of }) => [label, of]),
    [
      ['1.0', 'c'],
      ['1.1', 'b'],
      ['2.0', 'd'],
    ],
  );
  assert.equal(slots.label('p9', 4), '4');
});

test('of moments that are asked for quickly the newest alone is gone to', async () => {
  const gone = [];
  const folds = [];
  const run = {
    tip: () => 100,
    seqAt: async (at) => at / 10,
    timeOf: async (of) => of * 10,
    show: (fold) => gone.push(fold),
    touch: () => {},
    foldAt: (of) => new Promise((resolve) => folds.push({ of, resolve: () => resolve({ seq: of }) })),
  };
  const moments = new Moments(run);
  for (const of of [10, 20, 30, 40]) moments.go({ seq: of });
  assert.deepEqual(moments.change(), { live: false, seq: 40, at: null, loading: true });
  await new Promise(setImmediate);
  folds.shift().resolve();
  await new Promise(setImmediate);
  assert.equal(folds.length, 1);
  folds.shift().resolve();
  await new Promise(setImmediate);
  assert.deepEqual(gone, [{ seq: 40 }]);
  assert.deepEqual(moments.change(), { live: false, seq: 40, at: 400, loading: false });
  moments.go({ at: 500 });
  await new Promise(setImmediate);
  moments.go('live');
  folds.shift().resolve();
  await new Promise(setImmediate);
  assert.deepEqual(gone, [{ seq: 40 }, null]);
  assert.deepEqual(moments.change(), { live: true, seq: 100, at: null, loading: false });
});

test('facts: when attempts and steps began, and after which event a test had failed', () => {
  const facts = new TestFacts();
  const events = [
    status('running', { attempt: 0 }),
    step('1', 'begin'),
    step('1', 'end'),
    step('2', 'begin'),
    status('failed', { attempt: 0 }),
  ];
  for (const event of events) facts.take('k', event);
  const [begun, , , second, failed] = events.map((event) => event.seq);
  assert.equal(facts.startedAt('k', 0, failed), AT + begun);
  assert.equal(facts.startedAt('k', 0, begun - 1), null);
  assert.equal(facts.startedAt('k', 1, failed), null);
  assert.deepEqual([facts.failedSeq('k', failed), facts.failedSeq('k', second)], [failed, null]);
  facts.take('k', status('running', { attempt: 1 }));
  assert.equal(facts.failedSeq('k', Infinity), failed);
  facts.take('k', step('9', 'begin'));
  assert.equal(facts.stepStartedAt('k', '9', Infinity), AT + seq);
  assert.equal(facts.stepStartedAt('k', '2', Infinity), null);
});

/** A view of tests that have a status. */
const viewOf = (tests) => ({
  fold: { test: (key) => tests.get(key), tests: () => tests.entries(), size: tests.size },
  row: (key) => (tests.has(key) ? { key, status: tests.get(key).status, shown: tests.get(key).shown } : null),
});

test('a test is told when it changed, and another view tells the difference', () => {
  const posted = [];
  const outbox = new Outbox((message) => posted.push(message));
  const take = () => posted.splice(0).map(({ rows, reset }) => [rows.map(({ key }) => key), reset]);
  const [a, b] = [{ status: 'passed' }, { status: 'running', shown: 1 }];
  outbox.all(
    viewOf(
      new Map([
        ['a', a],
        ['b', b],
      ]),
    ),
  );
  assert.deepEqual(take(), [[['a', 'b'], true]]);
  const now = new Map([
    ['a', a],
    ['b', { ...b }],
  ]);
  outbox.changed(viewOf(now), ['b']);
  assert.deepEqual(take(), [], 'nothing that is shown has changed');
  now.set('b', { status: 'running', shown: 2 });
  outbox.changed(viewOf(now), ['b']);
  assert.deepEqual(take(), [[['b'], false]]);
  outbox.all(
    viewOf(
      new Map([
        ['a', a],
        ['b', { status: 'failed' }],
      ]),
    ),
  );
  assert.deepEqual(take(), [[['b'], false]]);
  outbox.all(viewOf(new Map([['a', a]])));
  assert.deepEqual(take(), [[['a'], true]], 'a moment at which a test was not there yet');
});

test('a head is told when it changed, and not because time passes', () => {
  const posted = [];
  const outbox = new Outbox((message) => posted.push(message));
  const view = {
    seq: 5,
    slots: new Slots(),
    leftMs: 9_000,
    viewers: 1,
    firstAvailable: 1,
    holds: false,
    isMe: () => false,
    keyOf: () => null,
  };
  const head = (now, more = {}, of = {}) =>
    outbox.head(headOf(state({ status: 'running', ...of }), { ...view, now, ...more }));
  head(AT + 1_000);
  head(AT + 2_000, { leftMs: 8_000 });
  assert.equal(posted.length, 1);
  head(AT + 3_000, { leftMs: 20_000 });
  assert.equal(posted.length, 2);
  head(AT + 3_000, { leftMs: 20_000, viewers: 2 });
  assert.equal(posted.length, 3);
});

test('a head is made of what is there, whatever is in it', () => {
  const view = {
    seq: 5,
    slots: new Slots(),
    now: AT,
    leftMs: null,
    viewers: null,
    firstAvailable: 1,
    holds: false,
    isMe: () => false,
    keyOf: () => null,
  };
  for (const value of [null, 3, 'x', {}, [{}], [null]]) {
    const odd = state({
      status: 'running',
      commands: [{ by: value, event: value }],
      asks: [{ event: value, onTimeout: value }],
      producers: [{ can: value, shard: value }],
      meta: { labels: value },
    });
    assert.equal(headOf(odd, view).asks.length, 1);
  }
});
