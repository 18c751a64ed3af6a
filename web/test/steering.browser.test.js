// Two people steer the demo from two browsers; its question is answered by the keyboard alone. Needs a server that is
// built (`RUNCAST_BIN`, else target/debug/runcast), Chromium, and the packages of tests/browser.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { eventually, Stage } from './support/stage.js';

let stage;
before(async () => {
  stage = await Stage.start('--demo');
});
after(() => stage?.stop());

const button = (tab, name) => tab.getByRole('button', { name, exact: true });

test(
  'two tabs steer one run, and its question is answered by keyboard alone',
  { timeout: 120_000 },
  async (context) => {
    const { runId } = await eventually('a run of the demo', async () =>
      (await stage.json('')).runs.find(({ runId }) => runId.startsWith('demo-')),
    );
    await stage.json(`/${runId}/commands`, { type: 'pause' }); // so that it waits for the browsers
    const [ada, bob] = await Promise.all(['ada', 'bob'].map((name) => stage.tab(`/runs/${runId}?userId=${name}`)));

    await context.test('what holds is said to both, and one step is done', async () => {
      for (const tab of [ada, bob]) await button(tab, 'Resume').waitFor();
      await ada.keyboard.press('n');
      const step = await eventually('the step', async () =>
        (await stage.json(`/${runId}`)).commands.find(({ type, state }) => type === 'step' && state === 'done'),
      );
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

    await context.test(
      'the question is answered by digit and Enter; the other one sees by whom, and keeps what he wrote',
      async () => {
        await ada.keyboard.press('p');
        for (const tab of [ada, bob]) await tab.getByRole('heading', { name: /Which one shall I click/ }).waitFor();
        await bob.getByRole('textbox', { name: 'The answer in words' }).fill('2 letters');
        await ada.keyboard.press('2');
        await button(ada, 'Send “Last page” and resume').waitFor();
        await ada.keyboard.press('Enter');
        await ada.locator('.ask-ended').filter({ hasText: 'You answered' }).waitFor();
        await bob.locator('.ask-ended').filter({ hasText: 'ada answered' }).waitFor();
        assert.equal(await bob.getByRole('textbox', { name: 'The answer in words' }).inputValue(), '2 letters');
        const answer = (await stage.events(runId)).find(({ type }) => type === 'ask_answered');
        assert.deepEqual([answer.candidateId, answer.by.name], ['last-page', 'ada']);
        await eventually('the worker goes on as it was told', async () =>
          (await stage.events(runId)).some(({ text }) => text === 'goes on with "Last page", as ada says'),
        );
        await button(bob, 'Close').click();
        for (const tab of [ada, bob]) await button(tab, 'Pause').waitFor();
      },
    );

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
  },
);

// 720 by 450
const PICTURE = new URL('../../demo/artifacts/failed--cart-Cart-says-when-it-arrives--test-failed-1.png', import.meta.url);
const producer = { 'runcast-producer': '0192f0c1-7a52-7c31-a8f4-3c1f5a1d9e10' };

test(
  'screens are shown, and a question is answered in its picture, and with a secret',
  { timeout: 120_000 },
  async (context) => {
    const picture = await readFile(PICTURE);
    const run = 'pictures';
    const stream = `${producer['runcast-producer']}/`;
    let next = 1;
    const post = async (...events) => {
      const first = next;
      next += events.length;
      await stage.post(`/${run}/events`, events, { ...producer, 'runcast-producer-seq': String(first) });
    };
    const show = (slot) =>
      stage.post(`/${run}/frame`, picture, {
        ...producer,
        'content-type': 'image/png',
        'runcast-stream': stream + slot,
        'runcast-width': '720',
        'runcast-height': '450',
      });
    const begun = (slot) => [
      {
        type: 'test_status',
        testId: `t${slot}`,
        status: 'running',
        data: { title: [`test ${slot}`], slot, workerIndex: slot },
      },
      {
        type: 'test_step',
        testId: `t${slot}`,
        step: {
          stepNumber: 1,
          phase: 'begin',
          title: 'Click',
          params: { box: [360, 225, 72, 36], url: 'http://shop.test/#/cart' },
        },
      },
    ];
    await post(
      { type: 'worker', state: 'joined', slots: 2 },
      { type: 'run_status', status: 'running' },
      ...begun(0),
      ...begun(1),
    );
    const ada = await stage.tab(`/runs/${run}?userId=ada`);
    const looked = async () => (await stage.json(`/${run}/commands?wait=0`)).hints;

    await context.test('the screen of a worker is drawn, and its target outlined', async () => {
      await ada.locator('.picture-missing').filter({ hasText: 'No picture yet' }).waitFor();
      await eventually('somebody looks', async () => (await looked()).screens?.length === 1);
      await Promise.all([show(0), show(1)]);
      await ada.getByRole('img', { name: /^test [01], Click, \/#\/cart$/ }).waitFor();
      const drawn = await ada.locator('.picture canvas').evaluate((canvas) =>
        canvas
          .getContext('2d')
          .getImageData(0, 0, canvas.width, canvas.height)
          .data.some((byte) => byte !== 0),
      );
      assert.equal(drawn, true);
      const [box, room] = await Promise.all(['.picture-target', '.picture'].map((of) => ada.locator(of).boundingBox()));
      assert.ok(
        Math.abs((box.x + box.width / 2 - room.x) / room.width - 396 / 720) < 0.01,
        'in the middle of what is 72 wide from 360 on',
      );
    });

    await context.test('the wall shows all of them, and Enter opens one', async () => {
      await ada.keyboard.press('w');
      await eventually('the wall is wanted', async () => (await looked()).wall === true);
      await show(1);
      const tile = ada.locator('.tile').filter({ hasText: 'test 1' });
      await tile.locator('canvas').waitFor();
      await tile.focus();
      await ada.keyboard.press('Enter');
      await ada.getByRole('tab', { selected: true }).filter({ hasText: 'test 1' }).waitFor();
      await eventually('that screen is wanted', async () => (await looked()).screens?.[0] === `${stream}1`);
    });

    await context.test('a place in the picture is a pixel of the page', async () => {
      await stage.post(
        `/${run}/artifacts/ask.png`,
        picture,
        { 'content-type': 'image/png', 'runcast-kind': 'screenshot' },
        'PUT',
      );
      const candidates = [
        { id: 'here', label: 'Here', box: { x: 0, y: 0, width: 200, height: 100 } },
        { id: 'there', label: 'There', box: [500, 300, 200, 100] },
      ];
      await post({
        type: 'ai_stuck',
        askId: 'where',
        testId: 't1',
        needs: 'click',
        message: 'Where?',
        screenshot: 'ask.png',
        candidates,
      });
      await ada.getByRole('button', { name: '2: There' }).click();
      await button(ada, 'Send “There” and resume').waitFor();
      const { width, height } = await ada.locator('.ask-picture').boundingBox();
      await ada.locator('.ask-picture').click({ position: { x: width / 2, y: height / 2 } });
      await ada.getByRole('button', { name: /^Send the place/ }).click();
      await ada.locator('.ask-ended').filter({ hasText: 'You answered' }).waitFor();
      const { point } = (await stage.events(run)).find(({ type }) => type === 'ask_answered');
      assert.ok(Math.abs(point.x - 360) <= 3 && Math.abs(point.y - 225) <= 3, JSON.stringify(point));
    });

    await context.test('a secret is masked, and stands neither in the log nor on the page', async () => {
      await post({ type: 'ai_stuck', askId: 'pin', testId: 't0', needs: 'credential', message: 'The PIN?' });
      const field = ada.getByLabel('The secret', { exact: true });
      await field.fill('hunter2');
      assert.equal(await field.getAttribute('type'), 'password');
      await button(ada, 'Send it as a secret and resume').click();
      await ada.locator('.ask-ended').filter({ hasText: 'You answered' }).waitFor();
      assert.equal(await field.inputValue(), '');
      assert.doesNotMatch(JSON.stringify([await stage.events(run), await stage.json(`/${run}`)]), /hunter2/);
      assert.doesNotMatch(await ada.content(), /hunter2/);
    });

    await context.test('no script failed, and the policy refused nothing', () => {
      assert.deepEqual(stage.faults, []);
    });
  },
);
