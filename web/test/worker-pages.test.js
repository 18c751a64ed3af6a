import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { Columns } = await load('worker/columns.ts');
const { Lines, Page, PAGE, Pages } = await load('worker/pages.ts');
const event = (seq, more = {}) => ({ seq, type: 'log', text: `é${seq}`, ...more });

test('columns keep type, test and time of each event, in 14 bytes', () => {
  const columns = new Columns();
  for (let seq = 101; seq <= 40_100; seq += 1)
    columns.push(seq, `t${seq % 3}`, seq % 2 ? `k${seq % 7}` : null, seq * 10);
  assert.deepEqual([columns.first, columns.last, columns.length], [101, 40_100, 40_000]);
  assert.deepEqual(
    [columns.type(20_000), columns.test(20_001), columns.test(20_000), columns.time(20_000)],
    ['t2', 'k2', null, 200_000],
  );
  assert.ok(columns.bytes <= 40_000 * 21, `${columns.bytes}`);
  assert.equal(columns.type(100), null);
  assert.deepEqual(
    [columns.seqAt(1_009), columns.seqAt(1_010), columns.seqAt(200_005), columns.seqAt(1e9)],
    [null, 101, 20_000, 40_100],
  );
  columns.dropFrom(20_000);
  assert.equal(columns.last, 19_999);
  columns.push(20_000, 'new', null, 200_000);
  assert.equal(columns.type(20_000), 'new');
  columns.push(50_000, 'far', null, 1);
  assert.deepEqual([columns.first, columns.length], [50_000, 1]);
});

test('lines of an answer and lines that were pushed are the same events', () => {
  const text = [1, 2, 3].map((seq) => `${JSON.stringify(event(seq))}\n`).join('');
  const read = Lines.of(new TextEncoder().encode(text));
  const pushed = new Lines();
  for (const seq of [1, 2, 3]) pushed.push(event(seq));
  assert.deepEqual([...read], [...pushed]);
  read.push(event(4));
  assert.deepEqual([read.count, read.at(3), read.at(4)], [4, event(4), null]);
  read.cut(1);
  read.push(event(9));
  assert.deepEqual([...read], [event(1), event(9)]);
  assert.equal(Lines.of(new TextEncoder().encode(text.trimEnd())).count, 3);
});

test('pages keep what was used last, within their bytes', () => {
  const pages = new Pages(100_000);
  for (let seq = 1; seq <= 10 * PAGE; seq += 1) pages.push(event(seq));
  assert.ok(pages.bytes <= 100_000 + 60_000, `${pages.bytes}`);
  assert.equal(pages.get(0), undefined);
  assert.deepEqual(pages.get(9).event(10 * PAGE), event(10 * PAGE));
  const kept = pages.newest().map(({ first }) => first);
  assert.deepEqual(
    kept,
    [...kept].sort((one, other) => other - one),
  );
  pages.set(0, new Page(1, Lines.of(new TextEncoder().encode(`${JSON.stringify(event(1))}\n`))));
  assert.deepEqual(pages.get(0).event(1), event(1));
});

test('events that do not follow are not kept, and void ones go', () => {
  const pages = new Pages(1e6);
  pages.push(event(5));
  assert.equal(pages.get(0), undefined);
  for (let seq = 1; seq <= 1_500; seq += 1) pages.push(event(seq));
  pages.push(event(1_700));
  assert.equal(pages.get(1).last, 1_500);
  pages.dropFrom(1_200);
  assert.equal(pages.get(1).last, 1_199);
  pages.push(event(1_200, { text: 'anew' }));
  assert.equal(pages.get(1).event(1_200).text, 'anew');
  pages.dropFrom(500);
  assert.deepEqual([pages.get(1), pages.get(0).last], [undefined, 499]);
});

test('a page of very long texts is bounded, and has all of its events', () => {
  const pages = new Pages(24e6);
  for (let seq = 1; seq <= PAGE; seq += 1)
    pages.push(event(seq, { text: 'x'.repeat(20_000), list: ['y'.repeat(3_000)] }));
  const page = pages.get(0);
  assert.ok(page.lines.bytes < 14e6, `${page.lines.bytes}`);
  assert.equal(page.lines.count, PAGE);
  assert.equal(page.event(1).text.length, 20_000);
  assert.deepEqual([page.event(PAGE).text.length, page.event(PAGE).list[0].length], [4_097, 3_000]);
});
