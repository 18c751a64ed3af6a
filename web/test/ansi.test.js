import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { ansiLines, ansiSpans, ansiText } = await load('ui/ansi.ts');
const { contrast, luminance, onGround, readable } = await load('ui/contrast.ts');
const { looks } = await load('ui/spans.tsx');

const spans = (text) => ansiLines(text).lines.map((line) => line.spans);
const line = (text) => spans(text)[0];

test('styles of every form become spans', () => {
  assert.deepEqual(line('a\x1b[31mb\x1b[39mc'), [{ text: 'a' }, { text: 'b', fg: '1' }, { text: 'c' }]);
  assert.deepEqual(line('\x1b[1;4;92;41mx\x1b[22;24my\x1b[mz'), [
    { text: 'x', bold: true, underline: true, fg: '10', bg: '1' },
    { text: 'y', fg: '10', bg: '1' },
    { text: 'z' },
  ]);
  assert.deepEqual(line('\x1b[38;5;208mx'), [{ text: 'x', fg: '#ff8700' }]);
  assert.deepEqual(line('\x1b[38:5:208mx'), [{ text: 'x', fg: '#ff8700' }]);
  assert.deepEqual(line('\x1b[38;5;9;1mx'), [{ text: 'x', fg: '9', bold: true }]);
  assert.deepEqual(line('\x1b[38;5;240mx'), [{ text: 'x', fg: '#585858' }]);
  assert.deepEqual(line('\x1b[38;2;1;2;3;3mx'), [{ text: 'x', fg: '#010203', italic: true }]);
  assert.deepEqual(line('\x1b[48:2::1:2:3mx'), [{ text: 'x', bg: '#010203' }]);
  assert.deepEqual(line('\x1b[48:2:1:2:3mx'), [{ text: 'x', bg: '#010203' }]);
  assert.deepEqual(line('\x1b[4:3m\x1b[58;5;1mx\x1b[4:0my'), [{ text: 'x', underline: true }, { text: 'y' }]);
  assert.deepEqual(line('\x1b[7mx\x1b[27my\x1b[9mz'), [
    { text: 'x', inverse: true },
    { text: 'y' },
    { text: 'z', strike: true },
  ]);
});

test('colours that are none are left out', () => {
  assert.deepEqual(line('\x1b[38;5;999mx\x1b[38;2;300;0;0my\x1b[38mz\x1b[;m'), [{ text: 'xyz' }]);
  assert.deepEqual(line('\x1b[>4;2mx\x1b[?25ly'), [{ text: 'xy' }]);
});

test('a style goes on in the next line and in the next piece', () => {
  const first = ansiLines('\x1b[32ma\nb\x1b[3');
  assert.deepEqual(
    first.lines.map((one) => one.spans),
    [[{ text: 'a', fg: '2' }], [{ text: 'b', fg: '2' }]],
  );
  assert.equal(first.carry.rest, '\x1b[3');
  assert.deepEqual(ansiLines('4mc', first.carry).lines[0].spans, [{ text: 'c', fg: '4' }]);
});

test('progress that is written over is one line, and says how often', () => {
  const { lines } = ansiLines('10 %\r20 %\r100 %\ndone');
  assert.deepEqual(lines, [
    { spans: [{ text: '100 %' }], updates: 2 },
    { spans: [{ text: 'done' }], updates: 0 },
  ]);
  assert.deepEqual(ansiLines('loading\x1b[2K\rready').lines, [{ spans: [{ text: 'ready' }], updates: 1 }]);
  assert.equal(ansiText('100 %\r7'), '700 %');
  assert.deepEqual(
    ansiLines('a\r\nb\r\n').lines.map(({ updates }) => updates),
    [0, 0, 0],
  );
});

test('movement and erasing are applied within the text', () => {
  assert.equal(ansiText('one\ntwo\n\x1b[2A\x1b[2KONE\n\x1b[2KTWO'), 'ONE\nTWO\n');
  assert.equal(ansiText('abc\b\bX'), 'aXc');
  assert.equal(ansiText('abc\x1b[1GX\x1b[K'), 'X');
  assert.equal(ansiText('ab\x1b[3Cc'), 'ab   c');
  assert.equal(ansiText('a\nb\nc\x1b[2A\x1b[J'), 'a');
  assert.equal(ansiText('abcdef\x1b[3D\x1b[1K'), '    ef');
});

test('movement is bounded', () => {
  assert.ok(ansiText('\x1b[999999999Cx').length <= 1_001);
  assert.equal(ansiText('a\x1b[99999Ab'), 'ab');
  assert.equal(ansiText('a\x1b[99999Bb'), 'ab');
});

test('titles, links, clearing and what nobody knows are dropped', () => {
  assert.equal(ansiText('\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b'), 'alinkb');
  assert.equal(ansiText('a\x1b[2J\x1b[3J\x1b[H\x1bcb\x1b(Bc\x1bP1$r\x1b\\d'), 'abcd');
  assert.equal(ansiText('a\x1b]0;never ends\nb'), 'a\nb');
  assert.equal(ansiText('a\u0000b\u0007c\u009b31md'), 'abcd');
  assert.equal(ansiText('tab\there'), 'tab\there');
});

test('a hostile text takes no longer than its length asks', () => {
  const began = Date.now();
  ansiText('\x1b]'.repeat(100_000));
  ansiText('\x1b[1A\x1b[2Kx\n'.repeat(20_000));
  ansiText(`${'x'.repeat(100_000)}\r`.repeat(5));
  ansiText('\x1b[999C\x1b[999D'.repeat(20_000));
  assert.ok(Date.now() - began < 3_000, `${Date.now() - began} ms`);
});

test('several lines are spans with their breaks', () => {
  assert.deepEqual(ansiSpans('\x1b[31ma\nb'), [{ text: 'a', fg: '1' }, { text: '\n' }, { text: 'b', fg: '1' }]);
});

test('every true colour can be read in both themes', () => {
  for (const hex of [
    '#000000',
    '#ffffff',
    '#ff8700',
    '#0000ff',
    '#ffff00',
    '#00ff00',
    '#777777',
    '#1b3350',
    '#ddebfb',
  ]) {
    for (const ground of ['#ffffff', '#f6f8fa', '#ddebfb'])
      assert.ok(contrast(luminance(readable(hex, 'light')), luminance(ground)) >= 4.5, hex);
    for (const ground of ['#0f1318', '#171c23', '#1b3350'])
      assert.ok(contrast(luminance(readable(hex, 'dark')), luminance(ground)) >= 4.5, hex);
    assert.ok(contrast(luminance(onGround(hex)), luminance(hex)) >= 4.5, hex);
  }
  assert.equal(readable('#7d0000', 'light'), '#7d0000');
});

test('a colour that a producer names can be no class but those of the theme', () => {
  assert.deepEqual(looks({ text: 'x', fg: '1 evil', bg: 'javascript' }), { class: 'ansi-bg-text', style: {} });
  assert.equal(looks({ text: 'x', fg: '12', bold: true }).class, 'ansi-12 ansi-bold');
  assert.equal(looks({ text: 'x', inverse: true, fg: '2' }).class, 'ansi-bg-2');
  assert.deepEqual(looks({ text: 'x', inverse: true, bg: '#000000' }).class, 'ansi-bg-text');
});
