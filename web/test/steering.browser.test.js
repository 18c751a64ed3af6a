// Two people steer the demo from two browsers, and its question is answered by the keyboard alone. Needs a server that is
// built (`RUNCAST_BIN`, else target/debug/runcast), Chromium, and the packages of tests/browser.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { eventually, Stage } from './support/stage.js';

let stage;
before(async () => {
  stage = await Stage.start('--demo');
});
after(() => stage?.stop());

const button = (tab, name) => tab.getByRole('button', { name, exact: true });

test('two tabs steer one run, and its question is answered by keyboard alone', { timeout: 120_000 }, async (context) => {
  const { runId } = await eventually('a run of the demo', async () => (await stage.json('')).runs.find(({ runId }) => runId.startsWith('demo-')));
  await stage.json(`/${runId}/commands`, { type: 'pause' }); // so that it waits for the browsers
  const [ada, bob] = await Promise.all(['ada', 'bob'].map((name) => stage.tab(`/runs/${runId}?userId=${name}`)));

  await context.test('what holds is said to both, and one step is done', async () => {
    for (const tab of [ada, bob]) await button(tab, 'Resume').waitFor();
    await ada.keyboard.press('n');
    const step = await eventually('the step', async () => (await stage.json(`/${runId}`)).commands.find(({ type, state }) => type === 'step' && state === 'done'));
    assert.equal(step.by.name, 'ada');
    await bob.getByRole('button', { name: /^More/ }).click();
    await bob.getByRole('listitem').filter({ hasText: 'Next action' }).filter({ hasText: 'done' }).waitFor();
  });

  await context.test('who has control is named to whoever is refused', async () => {
    await ada.keyboard.press('t');
    await ada.locator('.lease').filter({ hasText: 'You have control' }).waitFor();
    await bob.locator('.lease').filter({ hasText: 'ada has control' }).waitFor();
    await button(bob, 'Next action').click();
    await bob.locator('.control-said').filter({ hasText: 'ada has control.' }).waitFor();
  });

  await context.test('control that is asked for is given', async () => {
    await button(bob, 'Ask').click();
    await ada.locator('.lease').filter({ hasText: 'bob asks for control' }).waitFor();
    await button(ada, 'Give it').click();
    await bob.locator('.lease').filter({ hasText: 'You have control' }).waitFor();
  });

  await context.test('control is taken away by a second click only', async () => {
    await button(ada, 'Take it away').click();
    assert.equal((await stage.json(`/${runId}`)).control.holder.name, 'bob');
    await button(ada, 'Take it from bob?').click();
    await ada.locator('.lease').filter({ hasText: 'You have control' }).waitFor();
    await bob.locator('.lease').filter({ hasText: 'ada has control' }).waitFor();
  });

  await context.test('the question is answered by digit and Enter; the other one sees by whom, and keeps what he wrote', async () => {
    await ada.keyboard.press('p');
    for (const tab of [ada, bob]) await tab.getByRole('heading', { name: /Which one shall I click/ }).waitFor();
    await bob.getByRole('textbox', { name: 'The answer in words' }).fill('2 letters');
    await ada.keyboard.press('2');
    await button(ada, 'Send “Last page” and resume').waitFor();
    await ada.keyboard.press('Enter');
    await ada.getByText('You answered').waitFor();
    await bob.getByText('ada answered').waitFor();
    assert.equal(await bob.getByRole('textbox', { name: 'The answer in words' }).inputValue(), '2 letters');
    const answer = (await stage.events(runId)).find(({ type }) => type === 'ask_answered');
    assert.deepEqual([answer.candidateId, answer.by.name], ['last-page', 'ada']);
    await eventually('the worker goes on as it was told', async () => (await stage.events(runId)).some(({ text }) => text === 'goes on with "Last page", as ada says'));
    await button(bob, 'Close').click();
    for (const tab of [ada, bob]) await button(tab, 'Pause').waitFor();
  });

  await context.test('whoever has no control may stop it, and it goes on', async () => {
    await button(bob, 'Pause').click();
    for (const tab of [ada, bob]) await button(tab, 'Resume').waitFor();
    await button(ada, 'Give back').click();
    await button(bob, 'Take control').waitFor();
    await bob.keyboard.press('F8');
    await button(ada, 'Pause').waitFor();
  });

  await context.test('no script failed, and the policy refused nothing', () => {
    assert.deepEqual(stage.faults, []);
  });
});
