// How attempts and their steps become events: from hooks called by hand.
const assert = require('node:assert/strict');
const { test } = require('node:test');

const { load } = require('./support/module.js');

const { Attempts } = load('attempts.ts');
const { Descriptions } = load('describe.ts');
const { plans } = load('plan.ts');
const { fitParams } = load('fit.ts');

const LIMIT = 256 * 1024;
const masker = {
  text: (text, most = Infinity) => text.slice(0, most),
  step: ({ title, subtitle, params }) => ({ title, ...(subtitle && { subtitle }), ...(params && { params }) }),
  learn: () => {},
};

/** Attempts, and the events that they tell. `settings`: `steps`. */
function told(settings = { steps: 'all' }) {
  const events = [];
  const added = [];
  const attachments = {
    add(attachment) {
      added.push(attachment);
      return { name: attachment.name, contentType: attachment.contentType, artifact: `${added.length}` };
    },
  };
  const describe = new Descriptions('/tests', masker);
  const attempts = new Attempts(settings, describe, masker, attachments, (event) => events.push(event));
  return {
    attempts,
    events,
    added,
    steps: () => events.filter(({ type }) => type === 'test_step').map(({ step }) => step),
  };
}

function testCase(more = {}) {
  const results = [];
  return {
    id: 't',
    title: 'pays',
    results,
    retries: 0,
    expectedStatus: 'passed',
    annotations: [],
    tags: [],
    location: { file: '/tests/a.spec.js', line: 3, column: 1 },
    parent: { project: () => ({ name: '' }) },
    titlePath: () => ['', '', 'a.spec.js', 'cart', 'pays'],
    outcome: () => 'unexpected',
    ...more,
  };
}

function resultOf(test, more = {}) {
  const times = { startTime: new Date(1_000), duration: 5 };
  const result = {
    retry: test.results.length,
    workerIndex: 0,
    parallelIndex: 0,
    status: 'passed',
    errors: [],
    attachments: [],
    ...times,
    ...more,
  };
  test.results.push(result);
  return result;
}

function stepOf(title, parent, more = {}) {
  return {
    title,
    parent,
    category: 'pw:api',
    startTime: new Date(2_000),
    duration: -1,
    attachments: [],
    annotations: [],
    ...more,
  };
}

const short = ({ phase, id, parent, title, error }) => [phase, id, parent, title, error?.message];

test('steps are numbered for each attempt, with their parents, at the time when they happened', () => {
  const { attempts, events, steps } = told();
  const one = testCase({ retries: 1 });
  for (const status of ['failed', 'passed']) {
    const result = resultOf(one, { status });
    attempts.begin(one, result);
    const outer = stepOf('outer', undefined, { category: 'test.step' });
    const inner = stepOf('inner', outer, {
      subtitle: "locator('a')",
      params: { value: 1 },
      location: { file: '/tests/lib/b.js', line: 1, column: 2 },
    });
    for (const step of [outer, inner]) attempts.stepBegin(one, result, step);
    Object.assign(inner, { duration: 30, error: { message: 'no' } });
    attempts.stepEnd(one, result, inner);
    Object.assign(outer, { duration: 40 });
    attempts.stepEnd(one, result, outer);
    attempts.stepEnd(one, result, outer);
    attempts.end(one, result);
  }
  const each = [
    ['begin', '1', undefined, 'outer', undefined],
    ['begin', '2', '1', 'inner', undefined],
    ['end', '2', '1', 'inner', 'no'],
    ['end', '1', undefined, undefined, undefined],
  ];
  assert.deepEqual(steps().map(short), [...each, ...each]);
  assert.deepEqual(
    steps().map(({ attempt }) => attempt),
    [0, 0, 0, 0, 1, 1, 1, 1],
  );
  const [running, , begin, end] = events;
  assert.equal(running.timestamp, new Date(1_000).toISOString());
  assert.deepEqual(running.data, { attempt: 0, workerIndex: 0, slot: 0, expected: 'passed', title: ['cart', 'pays'] });
  const { subtitle, params, category, location } = begin.step;
  assert.deepEqual([subtitle, params, category, location], ["locator('a')", { value: 1 }, 'pw:api', 'lib/b.js:1:2']);
  assert.deepEqual(
    [end.timestamp, end.step.durationMs, end.step.params],
    [new Date(2_030).toISOString(), 30, undefined],
  );
});

test('which steps are told is a setting: parents are those that are told', () => {
  for (const [setting, told_] of [
    [
      'test.step',
      [
        ['begin', '1', undefined],
        ['begin', '2', '1'],
      ],
    ],
    ['none', []],
  ]) {
    const { attempts, steps, added } = told({ steps: setting });
    const one = testCase();
    const result = resultOf(one);
    attempts.begin(one, result);
    const outer = stepOf('outer', undefined, { category: 'test.step' });
    const call = stepOf('call', outer);
    const inner = stepOf('inner', call, { category: 'test.step' });
    for (const step of [outer, call, inner]) attempts.stepBegin(one, result, step);
    result.attachments.push({ name: 'shot', contentType: 'image/png' });
    attempts.stepEnd(one, result, call);
    assert.equal(added.length, 1, 'attachments are secured at the end of any step');
    assert.deepEqual(
      steps().map(({ phase, id, parent }) => [phase, id, parent]),
      told_,
    );
  }
});

test('an outcome is told when no further attempt follows', () => {
  const { attempts, events } = told();
  const outcomes = (test, status) => {
    const result = resultOf(test, { status });
    attempts.begin(test, result);
    attempts.end(test, result);
    return events.at(-1).data.outcome;
  };
  const retried = testCase({ retries: 1, outcome: () => 'told' });
  assert.deepEqual([outcomes(retried, 'failed'), outcomes(retried, 'failed')], [undefined, 'told']);
  // One of a serial group, which is run again as a whole.
  assert.equal(outcomes(testCase({ retries: 1, outcome: () => 'told' }), 'skipped'), undefined);
  for (const [more, status] of [
    [{}, 'passed'],
    [{ expectedStatus: 'skipped' }, 'skipped'],
    [{ expectedStatus: 'failed' }, 'failed'],
    [{}, 'interrupted'],
  ]) {
    assert.equal(outcomes(testCase({ retries: 1, outcome: () => 'told', ...more }), status), 'told', status);
  }
});

test('open steps are closed before their test ends, with what has ended them', () => {
  const open = [
    ['crashed', { status: 'failed', duration: 0 }, 'boom'],
    ['timed out', { status: 'timedOut' }, 'boom'],
    ['failed', { status: 'failed' }, undefined],
  ];
  for (const [name, more, message] of open) {
    const { attempts, events } = told();
    const one = testCase();
    const result = resultOf(one);
    attempts.begin(one, result);
    const outer = stepOf('outer');
    for (const step of [outer, stepOf('inner', outer)]) attempts.stepBegin(one, result, step);
    attempts.end(one, Object.assign(result, { errors: [{ message: 'boom' }] }, more));
    const closed = events.slice(-3);
    assert.deepEqual(
      closed.map(({ type }) => type),
      ['test_step', 'test_step', 'test_status'],
      name,
    );
    assert.deepEqual(
      closed.slice(0, 2).map(({ step }) => [step.phase, step.id, step.error?.message]),
      [
        ['end', '2', message],
        ['end', '1', message],
      ],
      name,
    );
    assert.ok(closed[0].step.durationMs > 0);
  }
});

test('attachments are told where they appeared, and at the end of their attempt', () => {
  const { attempts, events, added, steps } = told();
  const one = testCase();
  const result = resultOf(one);
  attempts.begin(one, result);
  const attach = stepOf('attach');
  attempts.stepBegin(one, result, attach);
  const [note, pushed, late] = ['note', 'pushed', 'late'].map((name) => ({ name, contentType: 'text/plain' }));
  result.attachments.push(pushed, note);
  attach.attachments.push(note);
  attempts.stepEnd(one, result, attach);
  assert.deepEqual(added, [pushed, note], 'secured at the end of a step');
  result.attachments.push(late);
  attempts.end(one, result);
  assert.deepEqual(added, [pushed, note, late]);
  assert.deepEqual(
    steps()[1].attachments.map(({ artifact }) => artifact),
    ['2'],
  );
  assert.deepEqual(
    events.at(-1).data.attachments.map(({ name, artifact }) => [name, artifact]),
    [
      ['pushed', '1'],
      ['note', '2'],
      ['late', '3'],
    ],
  );
});

test('what runs when the process ends is closed, and forgotten', () => {
  const { attempts, events } = told();
  const one = testCase();
  const result = resultOf(one);
  attempts.begin(one, result);
  const step = stepOf('step');
  attempts.stepBegin(one, result, step);
  attempts.endAll('interrupted');
  attempts.endAll('interrupted');
  attempts.stepEnd(one, result, step);
  attempts.stepBegin(one, result, stepOf('later'));
  const found = events.slice(2).map(({ status, step: ended }) => status ?? short(ended));
  assert.deepEqual(found, [['end', '1', undefined, undefined, undefined], 'interrupted']);
});

test('a test that no worker runs has no slot, and older versions have annotations at the test', () => {
  const { attempts, events } = told();
  const one = testCase({ annotations: [{ type: 'skip', description: 'later' }] });
  const result = resultOf(one, { parallelIndex: -1, workerIndex: -1, status: 'skipped' });
  attempts.begin(one, result);
  attempts.end(one, result);
  for (const { data } of events) assert.deepEqual([data.workerIndex, data.slot], [-1, undefined]);
  assert.deepEqual(events[1].data.annotations, [{ type: 'skip', description: 'later' }]);
});

test('errors have their causes in them, and paths are relative', () => {
  const describe = new Descriptions('/tests', masker);
  const cause = { message: 'inner', stack: 'inner\n  at b', cause: { value: '42' } };
  const error = {
    message: 'outer',
    stack: 'outer\n  at a',
    snippet: '> 1',
    location: { file: '/tests/x/a.js', line: 1, column: 2 },
    cause,
  };
  assert.deepEqual(describe.error(error), {
    message: 'outer\n[cause]: inner\n[cause]: 42',
    stack: 'outer\n  at a\n[cause]: inner\n  at b\n[cause]: 42',
    location: 'x/a.js:1:2',
    snippet: '> 1',
  });
  assert.deepEqual(describe.error({ value: '7' }), { message: '7' });
  const circle = { message: 'again', stack: 'again' };
  circle.cause = circle;
  assert.ok(describe.error(circle).message.length < 1_000);
});

test('whatever a test brings along, its events fit', () => {
  const { attempts, events, added } = told();
  const long = 'é\u001b'.repeat(300_000);
  const one = testCase({ titlePath: () => ['', '', 'a.spec.js', long, long] });
  const errors = Array(1_000).fill({
    message: long,
    stack: long,
    snippet: long,
    cause: { message: long, stack: long },
  });
  const attachments = Array(1_000).fill({ name: 'shot', contentType: 'image/png' });
  const annotations = Array(1_000).fill({ type: 'note', description: 'd'.repeat(900) });
  const result = resultOf(one, { status: 'failed', errors: [], attachments: [] });
  attempts.begin(one, result);
  const step = stepOf(long, undefined, { subtitle: long, params: { list: Array(100_000).fill(1), text: long } });
  attempts.stepBegin(one, result, step);
  result.attachments.push(...attachments);
  Object.assign(step, { duration: 1, error: errors[0], annotations });
  attempts.stepEnd(one, result, step);
  attempts.end(one, Object.assign(result, { errors, annotations }));
  assert.equal(added.length, 1_000);
  for (const event of events) {
    const bytes = Buffer.byteLength(JSON.stringify(event));
    assert.ok(bytes < LIMIT, `${event.type} ${event.status ?? event.step.phase}: ${bytes}`);
  }
  const { data } = events.at(-1);
  assert.deepEqual(data.errors.slice(1), [{ message: '999 more errors' }]);
  assert.match(data.errors[0].message, /… \(\d+ characters more\)$/);
  assert.match(data.annotations.at(-1).type, /^\d+ more$/);
  assert.match(data.attachments.at(-1).name, /^\d+ more$/);
  assert.ok(data.attachments.length > 500, `${data.attachments.length}`);
});

test('parameters that are too long have shorter texts, or the beginning of their JSON', () => {
  const small = { a: 1, b: 'x' };
  assert.equal(fitParams(small), small);
  assert.deepEqual(fitParams({ a: 1, text: 'x'.repeat(10_000) }), {
    a: 1,
    text: `${'x'.repeat(256)}… (9744 characters more)`,
  });
  assert.match(fitParams({ list: Array(10_000).fill(7) }).json, /^\{"list":\[7,7,.*… \(\d+ characters more\)$/);
});

test('a plan of 10,000 tests comes in parts that fit, and has each test once', () => {
  const describe = new Descriptions('/tests', masker);
  const tests = Array.from({ length: 10_000 }, (_, index) => {
    const title = index % 100 === 0 ? 'é'.repeat(300_000) : `test ${index}`;
    return testCase({
      id: `t${index}`,
      titlePath: () => ['', 'all', 'a.spec.js', 'group', title],
      tags: index === 1 ? ['@a'] : [],
    });
  });
  const parts = [...plans(tests, describe)];
  assert.ok(parts.length < 60, `${parts.length} parts`);
  for (const part of parts) assert.ok(Buffer.byteLength(JSON.stringify({ type: 'test_plan', tests: part })) < LIMIT);
  assert.deepEqual(
    parts.flat().map(({ testId }) => testId),
    tests.map(({ id }) => id),
  );
  assert.deepEqual(parts[0][1], { testId: 't1', title: ['group', 'test 1'], file: 'a.spec.js', line: 3, tags: ['@a'] });
});
