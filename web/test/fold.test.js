// The fold comes to the states that the server's comes to, from the beginning and from any state on.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { json, logOf, NAMES, statesOf } from './support/golden.js';
import { load } from './support/load.js';

const { keyOf, RunFold } = await load('fold/index.ts');
const EPOCH = '7';

function assertSame(fold, { seq, plain }, name) {
  const found = json({ overview: fold.view(), tests: fold.tests() });
  const wanted = json(plain);
  for (const [at, one] of wanted.tests.entries())
    assert.deepEqual(found.tests[at], one, `${name}: test ${at} at ${seq}`);
  assert.equal(found.tests.length, wanted.tests.length, `${name}: tests at ${seq}`);
  assert.deepEqual(found.overview, wanted.overview, `${name}: overview at ${seq}`);
}

for (const name of NAMES) {
  const [log, states] = [logOf(name), statesOf(name)];
  const apply = (fold, from, to) => {
    for (let seq = from + 1; seq <= to; seq += 1) fold.apply(seq, log[seq - 1].at, log[seq - 1].event);
  };

  test(`${name}: folded from the beginning`, () => {
    const fold = RunFold.empty(name, EPOCH);
    for (const state of states) {
      apply(fold, fold.seq, state.seq);
      assertSame(fold, state, name);
    }
  });

  test(`${name}: resumed at each place, to the ones behind it`, () => {
    for (const [index, { seq, resumable }] of states.entries()) {
      const fold = RunFold.from({ ...resumable.overview, epoch: EPOCH }, resumable.tests);
      assertSame(fold, states[index], `${name}, resumed at ${seq}`);
      for (const state of states.slice(index + 1)) {
        apply(fold, fold.seq, state.seq);
        assertSame(fold, state, `${name}, resumed at ${seq}`);
      }
    }
  });

  test(`${name}: what has changed is told, and forks stay as they are`, () => {
    let fold = RunFold.empty(name, EPOCH);
    const told = new Map();
    const forks = [];
    for (const state of states) {
      apply(fold, fold.seq, state.seq);
      for (const key of fold.takeChanges().tests) told.set(key, fold.test(key));
      const shown = new Map([...told].filter(([, test]) => test !== undefined));
      const wanted = new Map(fold.tests().map((test) => [keyOf(test.variant, test.testId), test]));
      assert.equal(shown.size, wanted.size, `${name}: tests at ${state.seq}`);
      for (const [key, test] of wanted) assert.deepEqual(shown.get(key), test, `${name}: ${key} at ${state.seq}`);
      assert.deepEqual(fold.takeChanges(), { tests: new Set(), overview: false, control: false });
      // The one goes on, the other stays.
      forks.push([fold, state]);
      fold = fold.fork();
    }
    for (const [fork, state] of forks) assertSame(fork, state, `${name}, forked`);
  });
}
