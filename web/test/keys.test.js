import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { bindingFor } = await load('run/keys/match.ts');
const { linesOf } = await load('run/keys/lines.ts');

const press = (key, more = {}) => ({
  key,
  code: '',
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  repeat: false,
  isComposing: false,
  defaultPrevented: false,
  target: null,
  ...more,
});
const binding = (key, more = {}) => ({ key, says: key, run() {}, ...more });
const field = { tagName: 'INPUT', type: 'search' };

test('a key is for whoever bound it last and wants it now', () => {
  const first = binding('1');
  let asks = true;
  const later = binding('1', { when: () => asks });
  assert.equal(bindingFor(press('1'), [first, later], true), later);
  asks = false;
  assert.equal(bindingFor(press('1'), [first, later], true), first);
  assert.equal(bindingFor(press('2'), [first, later], true), null);
});

test('keys rest in fields, with modifiers, and while a word is composed', () => {
  const all = [binding('f'), binding('F'), binding('Escape'), binding('Ctrl+F')];
  for (const more of [
    { target: field },
    { target: { tagName: 'DIV', isContentEditable: true } },
    { ctrlKey: true, altKey: true },
    { altKey: true },
    { isComposing: true },
    { defaultPrevented: true },
  ]) {
    assert.equal(bindingFor(press('f', more), all, true), null, JSON.stringify(more));
  }
  assert.equal(bindingFor(press('Escape', { target: field }), all, true), null);
  assert.equal(bindingFor(press('f', { target: { tagName: 'INPUT', type: 'checkbox' } }), all, true).key, 'f');
  assert.equal(bindingFor(press('F', { shiftKey: true }), all, true).key, 'F');
  assert.equal(bindingFor(press('f', { ctrlKey: true, target: field }), all, true).key, 'Ctrl+F');
  assert.equal(bindingFor(press('f', { metaKey: true }), all, true).key, 'Ctrl+F');
});

test('single keys can be turned off, others stay', () => {
  const all = [binding('f'), binding('?'), binding('Escape'), binding('F8'), binding('Space'), binding('Ctrl+F')];
  const left = all.filter(({ key }) => {
    const ctrl = key.startsWith('Ctrl+');
    return bindingFor(press(ctrl ? 'f' : key === 'Space' ? ' ' : key, { ctrlKey: ctrl }), all, false) !== null;
  });
  assert.deepEqual(
    left.map(({ key }) => key),
    ['Escape', 'F8', 'Space', 'Ctrl+F'],
  );
});

test('a key that is held down does it once, unless it repeats', () => {
  assert.equal(bindingFor(press('p', { repeat: true }), [binding('p')], true), null);
  assert.equal(bindingFor(press('j', { repeat: true }), [binding('j', { repeats: true })], true).key, 'j');
});

test('space and enter belong to the button that has focus', () => {
  const button = { tagName: 'BUTTON', closest: () => ({}) };
  const row = { tagName: 'DIV', closest: () => null };
  const all = [binding('Space')];
  assert.equal(bindingFor(press(' ', { target: button }), all, true), null);
  assert.equal(bindingFor(press(' ', { target: row }), all, true).key, 'Space');
});

test('letters of other layouts are found by their place', () => {
  assert.equal(bindingFor(press('а', { code: 'KeyF' }), [binding('f')], true).key, 'f');
  assert.equal(bindingFor(press('А', { code: 'KeyF', shiftKey: true }), [binding('F')], true).key, 'F');
});

test('the list has each key once, under its heading', () => {
  const digits = ['1', '2', '3', '4'].map((key) => binding(key, { says: 'choose an answer', group: 'Steering' }));
  const lines = linesOf([
    binding('j', { says: 'next row', group: 'Tests' }),
    binding('ArrowDown', { says: 'next row', group: 'Tests' }),
    binding('j', { says: 'next row', group: 'Tests' }),
    binding('l', { says: 'never again' }),
    binding('l', { says: 'in the log', group: 'Log', when: () => true }),
    binding('l', { says: 'live', group: 'Tests' }),
    ...digits,
    binding('?', { says: 'this list' }),
  ]);
  assert.deepEqual(lines, [
    {
      group: 'Tests',
      lines: [
        { says: 'next row', keys: ['↓', 'j'] },
        { says: 'live', keys: ['l'] },
      ],
    },
    { group: 'Steering', lines: [{ says: 'choose an answer', keys: ['1', '…', '4'] }] },
    { group: 'Page', lines: [{ says: 'this list', keys: ['?'] }] },
  ]);
});
