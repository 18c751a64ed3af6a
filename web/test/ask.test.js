import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './support/load.js';

const { answerOf, atZero, countdown, draftFor, endOf, endWords, inOrder, moreSecs } = await load('run/ask/answer.ts');

const ask = (more = {}) => ({
  askId: 'a', seq: 7, at: 0, producer: 'p', test: null, needs: 'choice', question: 'Which?', goal: null, attempts: [], lastError: null, screenshot: null, url: null,
  expiresAt: 60_000, onTimeout: 'continue', onTimeoutValue: 'vat', secret: false,
  candidates: [
    { id: 'company', label: 'Company', selector: null, box: null, score: 0.2 },
    { id: 'vat', label: 'VAT', selector: null, box: null, score: 0.6 },
  ],
  ...more,
});

test('the button names the answer, and the best candidate is proposed', () => {
  const draft = draftFor(ask());
  assert.deepEqual([draft.candidateId, draft.touched], ['vat', false]);
  assert.deepEqual(answerOf(ask(), draft), { members: { candidateId: 'vat' }, says: 'Send “VAT” and resume' });
  assert.deepEqual(answerOf(ask(), { ...draft, by: 'words', words: ' the red one ' }), { members: { value: 'the red one' }, says: 'Send “the red one” and resume' });
  assert.equal(answerOf(ask(), { ...draft, by: 'words', words: '  ' }), null);
  assert.deepEqual(answerOf(ask(), { ...draft, by: 'point', point: { x: 4, y: 9 } }).members, { point: { x: 4, y: 9 } });
  assert.equal(answerOf(ask({ candidates: [] }), draftFor(ask({ candidates: [] }))), null);
  const long = answerOf(ask(), { ...draft, by: 'words', words: 'x'.repeat(5_000) });
  assert.ok(long.says.length < 60 && long.members.value.length === 5_000);
});

test('a secret is named by nothing', () => {
  const wants = ask({ needs: 'credential', secret: true, candidates: [] });
  const answer = answerOf(wants, { ...draftFor(wants), by: 'words', words: ' hunter2 ' });
  assert.deepEqual(answer.members, { value: ' hunter2 ' }, 'blanks belong to it');
  assert.doesNotMatch(answer.says, /hunter/);
});

test('what happens at zero is said in words', () => {
  const words = (more) => Object.values(atZero(ask(more))).join('');
  assert.equal(words(), 'At 0:00 it goes on with 2 VAT, logged as expired.');
  assert.equal(words({ onTimeoutValue: 'Berlin' }), 'At 0:00 it goes on with “Berlin”, logged as expired.');
  assert.equal(words({ onTimeoutValue: null }), 'At 0:00 it goes on without an answer, logged as expired.');
  assert.equal(words({ onTimeout: 'skip' }), 'At 0:00 the step is skipped, logged as expired.');
  assert.equal(words({ onTimeout: 'fail' }), 'At 0:00 the test fails, logged as expired.');
  assert.equal(words({ onTimeout: 'wait', expiresAt: null }), 'It waits until the run ends.');
});

test('the countdown shows 0:00 only when the time is over', () => {
  assert.deepEqual(countdown(ask(), 13_000), { text: '0:47', part: 47 / 60, over: false });
  assert.equal(countdown(ask(), 59_001).text, '0:01');
  assert.deepEqual(countdown(ask(), 60_000), { text: '0:00', part: 0, over: true });
  assert.deepEqual(countdown(ask({ expiresAt: null }), 1), { text: '', part: 1, over: false });
  assert.equal(countdown(ask(), -5_000).part, 1, 'clocks differ');
  assert.equal(moreSecs(ask(), 13_000), 347, 'five minutes more than there are');
  assert.equal(moreSecs(ask({ expiresAt: 86_400_000 }), 0), 86_400, 'a day at most');
});

test('questions are asked in the order in which their time is over', () => {
  const order = inOrder([ask({ askId: 'late' }), ask({ askId: 'waits', expiresAt: null }), ask({ askId: 'soon', expiresAt: 5 })]);
  assert.deepEqual(order.map(({ askId }) => askId), ['soon', 'late', 'waits']);
});

test('a question that has ended says by whom and why', () => {
  const ada = { subject: 'ada', name: 'Ada', kind: 'human' };
  const told = { askId: 'a', how: 'answered', at: 5, by: ada, commandId: 'c' };
  assert.equal(endOf(ask(), { endedAsks: [told], commands: [] }, 9), told);
  const command = { commandId: 'c', type: 'answer', at: 5, seq: 9, by: ada };
  assert.deepEqual(endOf(ask(), { commands: [command] }, 9), told, 'from the commands, where that is not told');
  assert.equal(endWords(ask(), told, false), 'Ada answered');
  assert.equal(endWords(ask(), told, true), 'You answered');
  const late = endOf(ask(), { commands: [] }, 60_100);
  assert.deepEqual([late.how, late.at], ['expired', 60_000]);
  assert.equal(endWords(ask(), late, false), 'Nobody answered in time: it goes on with 2 VAT');
  assert.equal(endWords(ask({ onTimeout: 'fail' }), late, false), 'Nobody answered in time: the test fails');
  assert.equal(endOf(ask(), { commands: [] }, 9).how, 'interrupted');
});
