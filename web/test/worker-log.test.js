import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { linesOf, MAX_LINE, MAX_LINES, plainOf } = await load('worker/output.ts');
const { rowsOf } = await load('worker/log-rows.ts');
const { LogWindow } = await load('worker/log-window.ts');

const CONTEXT = {
  keyOf: (event) => (event.testId === undefined ? null : `\u0001${event.testId}`),
  named: () => ({ title: 'cart › pays', project: 'chromium' }),
  slotLabel: () => '0',
};
const event = (type, members = {}) => ({ seq: 7, type, timestamp: '2026-11-27T10:00:00.000Z', ...members });
const textOf = (row) => row.spans.map(({ text }) => text).join('');
const rows = (type, members, ofTest = false) => rowsOf(event(type, members), CONTEXT, ofTest).rows;
const says = (type, members) => rows(type, members).map(textOf);

test('a line that is too long is cut, between characters, and says so', () => {
  const { lines } = linesOf(`${'x'.repeat(MAX_LINE - 1)}\u{1f600}${'y'.repeat(500)}`);
  const [cut, note] = lines[0].spans;
  assert.equal(cut.text, 'x'.repeat(MAX_LINE - 1));
  assert.equal(note.text, ' … 502 more characters');
});

test('what would change the text around it is shown as what it is', () => {
  assert.equal(plainOf('a\u202eb\u2066c\u200fd'), 'a[U+202E]b[U+2066]c[U+200F]d');
  assert.equal(plainOf('a\u0000b'), 'ab');
  assert.equal(plainOf('<b>&amp;</b>'), '<b>&amp;</b>');
});

test('tabs reach the next column of eight', () => {
  assert.equal(plainOf('a\tb\t\tc'), 'a       b               c');
});

test('a text of too many lines is bounded, and says how many are left out', () => {
  const { rows: list } = rowsOf(event('log', { text: 'x\n'.repeat(MAX_LINES + 5) }), CONTEXT, false);
  assert.equal(list.length, MAX_LINES + 1);
  assert.equal(textOf(list.at(-1)), '5 more lines are not shown');
});

test('output is one row a line, and output that was left out is a notice', () => {
  assert.deepEqual(says('log', { text: 'one\n\ntwo\n' }), ['one', '', 'two']);
  const [row] = rows('log', { text: '... 12 bytes of output left out\n', data: { leftOutBytes: 12 } });
  assert.equal(row.kind, 'notice');
});

test('a test begins and ends with a row, behind its errors', () => {
  const [begins] = rows('test_status', { testId: 't', status: 'running', data: { attempt: 1 } });
  assert.deepEqual(
    [begins.kind, begins.state, textOf(begins)],
    ['test', 'running', 'cart: pays  chromium · attempt 2'],
  );
  const ended = rows('test_status', {
    testId: 't',
    status: 'failed',
    data: {
      attempt: 1,
      durationMs: 3_300,
      outcome: 'unexpected',
      errors: [{ message: '\u001b[31mno\u001b[39m\nway' }],
    },
  });
  assert.deepEqual(
    ended.map(({ kind }) => kind),
    ['error', 'error', 'test'],
  );
  assert.deepEqual(ended[0].spans, [{ text: 'no', fg: '1' }]);
  assert.match(textOf(ended[2]), /^cart: pays  failed after 2 attempts  3\.3 s/);
  assert.deepEqual(
    ended.map(({ line }) => line),
    [0, 1, 2],
  );
  const flaky = rows('test_status', { testId: 't', status: 'passed', data: { attempt: 1, outcome: 'flaky' } }).at(-1);
  assert.deepEqual([flaky.state, /flaky/.test(textOf(flaky))], ['flaky', true]);
  const expected = rows('test_status', { testId: 't', status: 'failed', data: { expected: 'failed', error: 'x' } });
  assert.deepEqual(
    expected.map(({ kind, state }) => [kind, state]),
    [['test', 'passed']],
  );
});

test('errors of steps stand in the log of their test alone', () => {
  const step = {
    testId: 't',
    step: { stepNumber: 1, phase: 'end', title: 'Click', error: { message: 'timeout\nmore' } },
  };
  assert.deepEqual(rows('test_step', step), []);
  assert.deepEqual(rows('test_step', step, true).map(textOf), ['Click: timeout']);
});

test('commands, questions and what became of them are said in words', () => {
  const by = { subject: 'ada', name: 'Ada', kind: 'human' };
  assert.deepEqual(says('pause_requested', { by }), ['Ada paused the run']);
  assert.deepEqual(says('pause_requested', { by, target: { slot: { producer: 'p', slot: 2 } } }), [
    'Ada paused worker 2',
  ]);
  assert.deepEqual(says('cancel_requested', { by, reason: 'enough' }), ['Ada cancelled the run: enough']);
  assert.deepEqual(says('control_released', { reason: 'expired' }), ['Control has ended: expired']);
  assert.deepEqual(says('ask_answered', { by, value: 'VAT' }), ['Ada answered “VAT”']);
  assert.deepEqual(says('ask_answered', { by, value: 'x', secret: true }), ['Ada answered with a secret']);
  assert.deepEqual(says('ai_stuck', { message: 'Which one?' }), ['Which one?']);
  assert.deepEqual(says('command_status', { status: 'accepted' }), []);
  assert.deepEqual(says('command_status', { status: 'failed', detail: 'gone' }), [
    'A command was not carried out: gone',
  ]);
});

test('an event of an unknown type is one row with its JSON', () => {
  const [row] = rows('page_state', { url: '/cart', text: 'a\nb' });
  assert.equal(textOf(row), 'page_state {"url":"/cart","text":"a\\nb"}');
  assert.ok(textOf(rows('x', { of: 'y'.repeat(10_000) })[0]).length < 600);
});

test('events whose members are of any kind have rows, and none throws', () => {
  const values = [null, 3, true, 'x', [], {}, [null], [{}], { message: 3 }];
  const types = [
    'log',
    'test_status',
    'test_step',
    'error',
    'run_status',
    'test_plan',
    'worker',
    'ai_stuck',
    'pause_requested',
    'x',
  ];
  for (const type of types) {
    for (const value of values) {
      const members = {
        testId: value,
        data: value,
        step: value,
        status: value,
        error: value,
        tests: value,
        by: value,
        text: value,
        shard: value,
      };
      assert.ok(Array.isArray(rowsOf(event(type, members), { ...CONTEXT, keyOf: () => null }, true).rows), type);
    }
  }
});

/** The page's rows, as its store keeps them. */
function page(window) {
  let list = [];
  return () => {
    const { reset, dropFirst = 0, dropLast = 0, prepend = [], append = [] } = window.change(1, false, false);
    if (reset) list = [];
    list = list.slice(dropFirst, list.length - dropLast);
    list = [...prepend, ...list, ...append];
    return list.map(textOf);
  };
}
const line = (seq, text, source = null, how = {}) => ({
  rows: [{ seq, line: 0, at: 0, kind: 'log', slotLabel: null, test: null, spans: [{ text }] }],
  open: false,
  again: false,
  source,
  ...how,
});

test('a window that is full drops its first rows, told or not', () => {
  const window = new LogWindow(5);
  const shown = page(window);
  for (let seq = 1; seq <= 4; seq += 1) window.append(line(seq, `r${seq}`));
  assert.deepEqual(shown(), ['r1', 'r2', 'r3', 'r4']);
  for (let seq = 5; seq <= 12; seq += 1) {
    window.append(line(seq, `r${seq}`));
    window.trimStart();
  }
  assert.deepEqual(shown(), ['r8', 'r9', 'r10', 'r11', 'r12']);
  assert.equal(window.firstSeq, 8);
  window.append(line(13, 'r13'));
  window.trimStart();
  assert.deepEqual(shown(), ['r9', 'r10', 'r11', 'r12', 'r13']);
});

test('a window grows in front and drops its end, whole events at a time', () => {
  const window = new LogWindow(6);
  const shown = page(window);
  for (let seq = 10; seq <= 12; seq += 1) window.append(line(seq, `a${seq}`));
  shown();
  window.prepend([line(7, 'b7'), line(8, 'b8'), line(9, 'b9')]);
  assert.deepEqual(shown(), ['b7', 'b8', 'b9', 'a10', 'a11', 'a12']);
  const two = line(6, 'c6');
  two.rows.push({ ...two.rows[0], line: 1, spans: [{ text: 'c6b' }] });
  window.prepend([two]);
  assert.ok(window.trimEnd());
  assert.deepEqual(shown(), ['c6', 'c6b', 'b7', 'b8', 'b9', 'a10']);
});

test('random changes leave the page with what the window has', () => {
  let seed = 7;
  const random = (most) => ((seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648), seed % most);
  const window = new LogWindow(20);
  const shown = page(window);
  let [first, last] = [500, 499];
  let wanted = [];
  for (let round = 0; round < 2_000; round += 1) {
    const action = random(5);
    if (action <= 1) {
      window.append(line(++last, `r${last}`));
      wanted.push(`r${last}`);
      if (window.trimStart()) wanted = wanted.slice(wanted.length - window.length);
      first = window.firstSeq;
    } else if (action === 2 && first > 1) {
      window.prepend([line(first - 2, `r${first - 2}`), line(first - 1, `r${first - 1}`)]);
      wanted = [`r${first - 2}`, `r${first - 1}`, ...wanted];
      first -= 2;
      if (window.trimEnd()) wanted = wanted.slice(0, window.length);
      last = window.lastSeq;
    } else if (action === 3) {
      assert.deepEqual(shown(), wanted, `round ${round}`);
    }
  }
});

test('progress that comes in pieces is one row, and a line that comes in pieces is one', () => {
  const window = new LogWindow();
  const shown = page(window);
  window.append(line(1, '10 %', 'out', { open: true }));
  assert.deepEqual(shown(), ['10 %']);
  window.append(line(2, '20 %', 'out', { open: true, again: true }));
  window.append(line(3, '100 %', 'out', { open: true, again: true }));
  assert.deepEqual(shown(), ['100 %']);
  window.append(line(4, ' done', 'out'));
  window.append(line(5, 'next', 'out'));
  assert.deepEqual(shown(), ['100 % done', 'next']);
  window.append(line(6, 'a', 'out', { open: true }));
  window.append(line(7, 'b', 'other', { open: true }));
  assert.deepEqual(shown(), ['100 % done', 'next', 'a', 'b']);
});

test('bytes are bounded as well', () => {
  const window = new LogWindow(1_000, 100_000);
  for (let seq = 1; seq <= 100; seq += 1) {
    window.append(line(seq, 'x'.repeat(2_000)));
    window.trimStart();
  }
  assert.ok(window.length < 30, `${window.length}`);
  assert.equal(window.lastSeq, 100);
});

const { Log } = await load('worker/log.ts');

/** A log of events `first` to the tip, of which each part has at most a hundred. */
function logOf(first, tip, ofTest = () => null) {
  const events = Array.from({ length: tip - first + 1 }, (_, at) => ({
    seq: first + at,
    type: 'log',
    timestamp: '2026-11-27T10:00:00.000Z',
    text: `r${first + at}\n`,
  }));
  const between = (from, to) => events.filter(({ seq }) => seq >= from && seq <= to);
  const source = {
    before: async (seq) => ({ events: between(seq - 100, seq - 1), edge: Math.max(first, seq - 100) }),
    after: async (seq, until) => ({
      events: between(seq + 1, Math.min(until, seq + 100)),
      edge: Math.min(until, seq + 100),
    }),
  };
  const run = {
    ...CONTEXT,
    keyOf: ofTest,
    until: () => events.at(-1).seq,
    firstAvailable: () => first,
    source: () => source,
    placeOf: () => null,
    dividers: new Map(),
    touch: () => {},
  };
  const log = new Log(run);
  let list = [];
  const shown = () => {
    const change = log.change();
    if (change === null) return list;
    const { reset, dropFirst = 0, dropLast = 0, prepend = [], append = [] } = change;
    if (reset) list = [];
    list = [...prepend, ...list.slice(dropFirst, list.length - dropLast), ...append];
    Object.assign(shown, { earlier: change.earlier, later: change.later });
    return list;
  };
  const settle = () => new Promise((resolve) => setTimeout(resolve, 20));
  const push = (text, more = {}) => {
    const event = { seq: events.at(-1).seq + 1, type: 'log', timestamp: '2026-11-27T10:00:00.000Z', text, ...more };
    events.push(event);
    log.take(event);
  };
  return { log, run, shown, settle, push };
}

test('a log begins at its end, and says where its events have expired', async () => {
  const { log, shown, settle } = logOf(901, 1_000);
  log.open(1, { of: 'run' });
  await settle();
  const list = shown();
  assert.deepEqual([list.length, shown.earlier, shown.later], [101, false, false]);
  assert.deepEqual([list[0].kind, textOf(list[0]), list[0].seq], ['divider', 'Events 1 to 900 have expired', 901]);
  assert.equal(textOf(list.at(-1)), 'r1000');
});

test('a log follows while it is at its end, also over what came while it was loaded', async () => {
  const { log, run, shown, settle, push } = logOf(1, 1_000);
  log.open(1, { of: 'run' });
  push('while it was loaded\n');
  await settle();
  assert.equal(textOf(shown().at(-1)), 'while it was loaded');
  run.dividers.set(1_002, '2 events arrived meanwhile');
  push('a\n');
  push('50 %', { stream: 'out' });
  push('\r100 %', { stream: 'out' });
  assert.deepEqual(shown().slice(-3).map(textOf), ['2 events arrived meanwhile', 'a', '100 %']);
  assert.equal(shown().at(-1).updates, 1);
  const before = shown().length;
  log.more(1, 'earlier');
  await settle();
  const list = shown();
  assert.ok(list.length > before);
  assert.deepEqual(
    list.slice(0, 50).map(({ seq }) => seq),
    Array.from({ length: 50 }, (_, at) => list[0].seq + at),
  );
});

test('a log that shows rows around an event does not follow until it has come to the end', async () => {
  const { log, shown, settle, push } = logOf(1, 3_000);
  log.open(1, { of: 'run' }, 1_500);
  await settle();
  const list = shown();
  assert.ok(list.some(({ seq }) => seq === 1_500) && list.some(({ seq }) => seq === 1_499));
  assert.deepEqual([shown.earlier, shown.later], [true, true]);
  push('unseen\n');
  assert.equal(shown().length, list.length);
  for (let round = 0; round < 10 && shown.later; round += 1) {
    log.more(1, 'later');
    await settle();
    shown();
  }
  assert.equal(textOf(shown().at(-1)), 'unseen');
  push('seen\n');
  assert.equal(textOf(shown().at(-1)), 'seen');
  log.open(2, { of: 'run' });
  log.more(1, 'earlier'); // of a log that is not shown any more
  await settle();
  assert.equal(textOf(shown().at(-1)), 'seen');
});
