// What one may do, of what `GET /api/me` says.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { grantFor, matches, may, readRights, rights } = await load('ui/rights.ts');

const grant = (subject, scopes, runs, more = {}) => ({ subject, name: subject, scopes, runs, expiresAt: null, isGuest: false, ...more });

test('a pattern stands for names as the server reads it', () => {
  for (const [pattern, name] of [['*', ''], ['a', 'a'], ['web-*', 'web-'], ['*-b', 'a-b'], ['a*c*e', 'abcde'], ['a**c', 'ac'], ['a*b*b', 'abb']])
    assert.ok(matches(pattern, name), `${pattern} ${name}`);
  for (const [pattern, name] of [['', 'a'], ['a', 'ab'], ['web-*', 'web'], ['a*a', 'a'], ['a*c*e', 'aecd'], ['a*b*b', 'ab'], ['a.c', 'abc']])
    assert.ok(!matches(pattern, name), `${pattern} ${name}`);
});

test('all is offered until it is known, and where everybody may do everything', () => {
  for (const known of [null, 'everybody']) {
    rights.value = known;
    assert.ok(may('control', 'r') && may('ops'));
    assert.equal(grantFor('control', 'r'), null);
  }
});

test('scopes go with the runs of their own credential, and the first one that permits is who asks', () => {
  rights.value = [
    grant('key:a', ['view', 'ops'], ['*']),
    grant('share:b', ['view', 'control'], ['shared'], { isGuest: true }),
    grant('key:c', ['control'], ['web-*']),
  ];
  assert.ok(may('control', 'shared') && may('control', 'web-1') && may('view', 'x') && may('ops'));
  assert.ok(!may('control', 'x') && !may('publish', 'shared'));
  assert.deepEqual([grantFor('view', 'shared').subject, grantFor('control', 'shared').subject], ['key:a', 'share:b']);
  rights.value = [];
  assert.ok(!may('view', 'x') && !may('ops'));
});

test('the server is asked once by all who wait, and an answer that is none changes nothing', async (t) => {
  let asked = 0;
  let answer = { ok: true, json: async () => ({ mode: 'token', grants: [grant('key:a', ['view'], ['*'], { expiresAt: '2026-01-02T00:00:00Z' })] }) };
  t.mock.method(globalThis, 'fetch', async () => ((asked += 1), answer));
  await Promise.all([readRights(), readRights()]);
  assert.deepEqual([asked, rights.value[0].expiresAt], [1, Date.UTC(2026, 0, 2)]);
  answer = { ok: false };
  await readRights();
  assert.equal(rights.value.length, 1);
  answer = { ok: true, json: async () => ({ mode: 'open' }) };
  await readRights();
  assert.equal(rights.value, 'everybody');
});
