import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { diffWordsWithSpace } from 'diff';

import { load } from './support/load.js';

globalThis.document ??= { documentElement: { dataset: {} } };
const { takeApart, headline } = await load('run/detail/message.ts');
const { comparable, pair, pairLines } = await load('run/detail/words.ts');
const { codeLines } = await load('run/detail/snippet.ts');

/** What Playwright 1.65 said, once for each form. */
const samples = JSON.parse(readFileSync(new URL('samples/playwright-errors.json', import.meta.url), 'utf8'));
const textOf = (spans) => spans.map(({ text }) => text).join('');
const of = (name) => {
  const parts = takeApart(samples[name].message);
  return {
    ...parts,
    sides: parts.sides.map(({ label, lines }) => `${label}: ${lines.map(textOf).join('\n')}`),
    diff: parts.diff.map(({ kind, spans }) => `${{ expected: '-', received: '+', same: ' ', hunk: '@' }[kind]}${textOf(spans)}`),
    facts: parts.facts.map(({ label, text }) => `${label}: ${text}`),
    rest: parts.rest.map(textOf),
  };
};

test('an assertion on a locator has both sides, the locator, the wait and the log of calls', () => {
  const { title, sides, facts, callLog, rest } = of('toHaveText');
  assert.equal(title, 'expect(locator).toHaveText(expected) failed');
  assert.deepEqual(sides, ['Expected: "Showing 14 of 60 orders"', 'Received: "Showing 60 of 60 orders"']);
  assert.deepEqual(facts, ["Locator: getByRole('status')", 'Waited: 700 ms']);
  assert.equal(callLog[0], `- Expect "toHaveText" getByRole('status') with timeout 700ms`);
  assert.deepEqual(rest, []);
});

test('what was not found is what was received', () => {
  assert.deepEqual(of('toBeVisible').sides, ['Expected: visible', 'Received: element(s) not found']);
  const { sides } = of('strict');
  assert.equal(sides[0], 'Expected: "one"');
  assert.match(sides[1], /^Received: strict mode violation: .*\n {4}1\) .*\n {4}2\) /);
});

test('values of other names keep them', () => {
  assert.deepEqual(of('toContainText').sides, ['Expected substring: "of 70"', 'Received string: "Showing 60 of 60 orders"']);
  assert.deepEqual(of('toHaveLength').sides, ['Expected length: 3', 'Received length: 2', 'Received array: [1, 2]']);
  assert.deepEqual(of('toHaveProperty').sides, ['Expected path: "b.c"', 'Received path: []', 'Expected value: 3', 'Received value: {"a": 1}']);
  assert.deepEqual(of('toBeGreaterThan').sides, ['Expected: > 5', 'Received: 3']);
  assert.deepEqual(of('not toContain').sides, ['Expected substring: not "ell"', 'Received string: "hello"']);
  assert.deepEqual(of('toBeTruthy').sides, ['Received: 0']);
});

test('a difference over several lines is one', () => {
  assert.deepEqual(of('toEqual scalar').diff, [' Array [', '-  2,', '+  1,', ' ]']);
  assert.deepEqual(of('toBe multi').diff, [' a', '-B', '+b', ' c', ' d']);
  const list = of('toHaveText list');
  assert.deepEqual(list.diff, [' Array [', '   "one",', '-  "three",', '-  "four",', '+  "two",', ' ]']);
  assert.deepEqual(list.facts, ["Locator: locator('li')", 'Waited: 700 ms']);
  assert.equal(list.callLog.length, 3);
  assert.equal(of('big').diff.filter((line) => line[0] === '@').length, 2);
  assert.deepEqual(of('snapshot text').diff, ['@@@ -1,2 +1,2 @@', ' one', '-TWO', '+two']);
  assert.deepEqual(of('snapshot text').facts, ['Snapshot: t.txt']);
  assert.deepEqual(of('aria').diff, [' - list:', '   - listitem: one', '-  - listitem: three', '+  - listitem: two']);
});

test('a title of its author comes first, and what was called after it', () => {
  const message = of('message');
  assert.equal(message.title, 'the sum of it all');
  assert.equal(message.called, 'expect(received).toBe(expected) // Object.is equality');
  assert.deepEqual(message.sides, ['Expected: 2', 'Received: 1']);
  const poll = of('poll');
  assert.equal(poll.title, 'polls');
  assert.deepEqual(poll.rest, []);
  assert.deepEqual(poll.callLog, ['- Timeout 500ms exceeded while waiting on the predicate']);
});

test('a timeout of an action says what it waited for', () => {
  const { title, facts, callLog, rest } = of('click timeout');
  assert.equal(title, 'TimeoutError: locator.click: Timeout 700ms exceeded.');
  assert.deepEqual(facts, [`Locator: getByText('Nothing')`]);
  assert.equal(callLog.length, 1);
  assert.deepEqual(rest, []);
  assert.equal(of('test timeout').title, 'Test timeout of 1500ms exceeded.');
  assert.equal(of('test timeout 2').title, 'locator.click: Test timeout of 1500ms exceeded.');
});

test('a screenshot that differs says by how much', () => {
  assert.match(of('screenshot').facts.join('\n'), /Difference: Expected an image 1280px by 800px, received 1280px by 720px\. \d+ pixels/);
  const older = takeApart('Error: expect(page).toHaveScreenshot(expected) failed\n\n  12 pixels (ratio 0.01 of all image pixels) are different.\n\n  Snapshot: a.png\n');
  assert.deepEqual(older.facts, [
    { label: 'Difference', text: '12 pixels (ratio 0.01 of all image pixels) are different' },
    { label: 'Snapshot', text: 'a.png' },
  ]);
});

test('messages of other forms stay as they are', () => {
  assert.deepEqual({ title: of('throw').title, rest: of('throw').rest }, { title: 'plain error', rest: ['with two lines'] });
  assert.equal(of('type error').title, "TypeError: Cannot read properties of undefined (reading 'foo')");
  assert.equal(of('evaluate').rest.length, 3);
  assert.equal(takeApart('').title, '');
  assert.equal(takeApart('\n\nError: late').title, 'late');
});

test('no sample loses a word', () => {
  for (const [name, { message }] of Object.entries(samples)) {
    const parts = of(name);
    const seen = JSON.stringify(parts).toLowerCase();
    // eslint-disable-next-line no-control-regex
    const words = message.replace(/\x1b\[[0-9;]*m/g, '').match(/[a-z]{4,}/gi) ?? [];
    for (const word of words) {
      const known = ['error', 'call', 'timeout', 'expected', 'received', 'locator'].includes(word.toLowerCase());
      assert.ok(known || seen.includes(word.toLowerCase()), `${name}: ${word}`);
    }
  }
});

test('a message without end is cut, and says so', () => {
  const parts = takeApart(`Error: much\n${'x\n'.repeat(100_000)}`);
  assert.ok(parts.rest.length <= 600);
  assert.ok(parts.omitted > 99_000);
});

test('headlines have no escapes and no name', () => {
  assert.equal(headline(samples.toBe.message), 'expect(received).toBe(expected) // Object.is equality');
});

const marks = (pieces) => pieces.map(({ text, differs }) => (differs ? `[${text}]` : text)).join('');
const plain = (text) => [{ text }];

test('only the words that differ are marked', () => {
  const [left, right] = pair(plain('"Showing 14 of 60 orders"'), plain('"Showing 60 of 60 orders"'), diffWordsWithSpace);
  assert.deepEqual([marks(left), marks(right)], ['"Showing [14] of 60 orders"', '"Showing [60] of 60 orders"']);
  assert.deepEqual(pair(plain('a'), plain('b'), null).map(marks), ['a', 'b']);
});

test('marks of the producer are taken before own ones', () => {
  const parts = takeApart(samples['toBe strings'].message);
  const [left, right] = pair(parts.sides[0].lines[0], parts.sides[1].lines[0], diffWordsWithSpace);
  assert.deepEqual([marks(left), marks(right)], ['"the [slow] brown [dog]"', '"the [quick] brown [fox]"']);
});

test('a pattern is not compared with a text', () => {
  assert.equal(comparable(takeApart(samples['toHaveText regex'].message).sides), null);
  assert.notEqual(comparable(takeApart(samples.toBe.message).sides), null);
  assert.notEqual(comparable(takeApart(samples.toHaveLength.message).sides), null);
});

test('lines that stand for each other are compared', () => {
  const { diff } = takeApart(samples.toEqual.message);
  const pieces = pairLines(diff, diffWordsWithSpace);
  const at = diff.findIndex(({ spans }) => textOf(spans).includes('text there'));
  assert.equal(marks(pieces[at]), '  "s": "long text [there]",');
  assert.equal(pieces[diff.findIndex(({ spans }) => textOf(spans).trim() === '2,')], null);
});

test('code has numbers, failing lines, and no common indent', () => {
  const lines = codeLines(samples.toHaveText.snippet);
  assert.ok(lines.some(({ failing, text }) => failing && text.includes("toHaveText('Showing 14 of 60 orders')")));
  assert.ok(lines.every(({ number }) => number !== null));
  assert.ok(lines.some(({ text }) => !/^\s/.test(text)));
  assert.deepEqual(codeLines('> 20 | await expect(items).toHaveCount(3)'), [{ number: 20, text: 'await expect(items).toHaveCount(3)', failing: true }]);
  assert.deepEqual(codeLines('just text'), [{ number: null, text: 'just text', failing: false }]);
});
