import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const follow = await load('run/log/follow.ts');
const lines = await load('run/log/lines.ts');
const copying = await load('run/log/copying.ts');
const find = await load('run/search/find.ts');

const row = (seq, line = 0, text = 'x', kind = 'log') => ({ seq, line, at: seq, kind, slotLabel: null, test: null, spans: [{ text }] });
const on = { on: true, seen: 0, top: 1_000 };

test('scrolling up lets go of the end, and rows that come take nothing back', () => {
  const up = follow.scrolled(on, { top: 900, max: 1_000, last: 40, later: false });
  assert.deepEqual([up.on, up.seen], [false, 40]);
  const more = follow.scrolled(up, { top: 900, max: 5_000, last: 90, later: false });
  assert.deepEqual([more.on, more.seen], [false, 40]);
});

test('the page scrolls to the end itself, and goes on following', () => {
  assert.equal(follow.scrolled(on, { top: 1_400, max: 1_400, last: 9, later: false }).on, true);
  assert.equal(follow.scrolled(on, { top: 1_000, max: 1_400, last: 9, later: false }).on, true, 'rows came, nobody scrolled');
  assert.equal(follow.scrolled(on, { top: 600, max: 601, last: 9, later: false }).on, true, 'the rows became fewer');
});

test('being at the end again follows again, but only downwards, and only at the end of the log', () => {
  const away = { on: false, seen: 3, top: 500 };
  assert.equal(follow.scrolled(away, { top: 999, max: 1_000, last: 9, later: false }).on, true);
  assert.equal(follow.scrolled(away, { top: 999, max: 1_000, last: 9, later: true }).on, false);
  assert.equal(follow.scrolled({ ...away, top: 999 }, { top: 999, max: 1_000, last: 9, later: false }).on, false);
});

test('a wheel, a key or a selection lets go once, and the switch takes hold', () => {
  const gone = follow.letGo(on, 12);
  assert.deepEqual([gone.on, gone.seen], [false, 12]);
  assert.equal(follow.letGo(gone, 30), gone, 'what came since is still new');
  assert.equal(follow.hold(gone, 30).on, true);
});

test('the button says how many lines are new', () => {
  assert.equal(follow.freshWords(0, false, false), null);
  assert.equal(follow.freshWords(1, false, false), '1 new line');
  assert.equal(follow.freshWords(1_200, false, false), '1,200 new lines');
  assert.equal(follow.freshWords(3, true, false), 'To the newest line');
  assert.equal(follow.freshWords(0, true, true), 'To the end');
});

test('a line is found by event and line, and a row by its key', () => {
  const rows = [row(1), row(5, 0), row(5, 0, '', 'divider'), row(5, 1), row(9)];
  assert.equal(lines.indexOfLine(rows, { seq: 5, line: 1 }), 3);
  assert.equal(lines.indexOfLine(rows, { seq: 5, line: 7 }), 1, 'the event is there: its first row');
  assert.equal(lines.indexOfLine(rows, { seq: 6, line: 0 }), -1);
  for (const [index, one] of rows.entries()) assert.equal(lines.indexOfKey(rows, lines.rowKey(one)), index);
  assert.equal(lines.indexOfKey(rows, lines.rowKey(row(7))), -1);
  assert.equal(lines.rowsBehind(rows, 4), 4);
  assert.equal(new Set(rows.map(lines.rowKey)).size, rows.length);
  assert.ok(Number.isSafeInteger(lines.rowKey(row(2_000_000_000, 500_000))));
});

test('only the first row of an event shows its time', () => {
  const rows = [row(4, 2), row(5, 0, 'e', 'error'), row(5, 1, 'e', 'error'), row(5, 0, 't', 'test'), row(6)];
  assert.deepEqual(rows.map((_, index) => lines.beginsEvent(rows, index)), [true, true, false, true, true]);
});

test('an event is covered by what is loaded, up to the edges that have more', () => {
  const rows = [row(10), row(20)];
  const covers = (seq, earlier, later) => lines.covers({ rows, earlier, later }, seq);
  assert.deepEqual([covers(5, true, true), covers(5, false, true), covers(15, true, true), covers(25, true, false), covers(25, true, true)], [false, true, true, true, false]);
  assert.equal(lines.covers({ rows: [], earlier: true, later: true }, 1), false);
});

test('the widest line is known while rows come at both ends', () => {
  const widest = new lines.Widest();
  const one = [row(2, 0, 'four')];
  assert.equal(widest.of(1, one), 4);
  const both = [row(1, 0, 'sixsix'), ...one, row(3, 0, '日本語')];
  assert.equal(widest.of(1, both), 6);
  assert.equal(widest.of(1, [...both, row(4, 0, 'x'.repeat(9))]), 9);
  assert.equal(widest.of(2, [row(1, 0, '日本')]), 4, 'two columns each');
});

test('what is copied is the text alone, over rows that are out of sight', () => {
  const rows = Array.from({ length: 1_000 }, (_, index) => row(index, 0, `line ${index}`));
  const text = copying.textBetween(rows, { row: 998, char: 4 }, { row: 1, char: 5 });
  assert.equal(text.split('\n').length, 998);
  assert.ok(text.startsWith('1\nline 2\n') && text.endsWith('line 997\nline'));
  assert.equal(copying.textBetween(rows, { row: 3, char: 5 }, { row: 3, char: 0 }), 'line ');
});

test('words are found in any case, in rows and across spans', () => {
  const rows = [row(1, 0, 'Error: no'), row(2, 0, 'an ERROR, an error'), row(3, 0, 'fine'), row(4, 0, 'error', 'divider')];
  assert.deepEqual(find.findAll(rows, 'error'), [{ row: 0, nth: 0 }, { row: 1, nth: 0 }, { row: 1, nth: 1 }]);
  assert.deepEqual(find.findAll(rows, ''), []);
  assert.equal(find.firstFrom(find.findAll(rows, 'error'), 1), 1);
  assert.equal(find.firstFrom(find.findAll(rows, 'error'), 3), 0, 'from the start again');
  assert.deepEqual(find.rangesIn('İstanbul ERROR', 'error'), [[9, 14]], 'a letter that is longer in lower case moves nothing');
});

test('spans are cut at marks, and keep their colours', () => {
  const spans = [{ text: 'abc', fg: '1' }, { text: 'defg' }];
  const cut = find.cut(spans, [[1, 5], [6, 7]]);
  assert.deepEqual(cut, [
    { text: 'a', fg: '1' }, { text: 'bc', fg: '1', mark: 0 }, { text: 'de', mark: 0 }, { text: 'f' }, { text: 'g', mark: 1 },
  ]);
  assert.equal(find.countWords(2, 57), '3 of 57');
  assert.equal(find.countWords(-1, 57), '57 found');
  assert.equal(find.countWords(-1, 0), 'none here');
});
