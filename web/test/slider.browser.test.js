// The slider, search and sharing in a browser, in front of a real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { eventually, start } from './support/dev.js';
import { begin, end, plan, step } from './support/run.js';

let site;
let tip;

before(async () => {
  site = await start();
  const log = (text) => ({ type: 'log', text: `${text}\n` });
  const events = [
    { type: 'run_status', status: 'running', data: { meta: { project: 'shop', number: 7 } } },
    plan([
      ['a', 'pays'],
      ['b', 'refunds'],
    ]),
    begin('a'),
    ...Array.from({ length: 240 }, (_, index) => log(`tick ${index}`)),
    step('a', '1', 'redeem the voucher'),
    end('a', 'failed', { error: 'Error: no change was given' }),
    begin('b'),
    ...Array.from({ length: 115 }, (_, index) => log(`tock ${index}`)),
  ];
  for (const event of events) await site.node.post('shop', [event]); // one by one: they have times of their own
  tip = events.length;
});
after(() => site?.stop());

const knob = (page) => page.getByRole('slider', { name: 'Moment that is shown' });
const says = (page) => knob(page).getAttribute('aria-valuetext');
const open = async (run, query = '') => {
  const opened = await site.open(run, {}, query);
  await opened.page.locator('.slider-bars path[d^="M"]').waitFor({ state: 'attached' });
  await opened.page.locator('.log-row').first().waitFor();
  return opened;
};

test('the knob is dragged to the past, which stands in the URL, and back to now', async () => {
  const { page, faults } = await open('shop');
  const track = await page.locator('.slider-track').boundingBox();
  const y = track.y + 30;
  await page.mouse.move(track.x + track.width - 2, y);
  await page.mouse.down();
  await page.mouse.move(track.x + track.width / 2, y, { steps: 8 });
  await page.mouse.up();
  await page.waitForURL(/[?&]at=\d+/);
  await page.locator('.slider-past').waitFor();
  assert.match(await says(page), new RegExp(`^\\d\\d:\\d\\d:\\d\\d, event \\d+ of ${tip}$`));
  const middle = await knob(page).boundingBox();
  assert.ok(
    // It stands at an event: there may be none for a while.
    Math.abs(middle.x + middle.width / 2 - (track.x + track.width / 2)) < track.width / 4,
    'it stays about where it was let go',
  );
  await page.getByRole('button', { name: 'Back to live' }).first().click();
  await page.locator('.slider-past').waitFor({ state: 'detached' });
  assert.doesNotMatch(page.url(), /at=/);
  assert.deepEqual(
    faults.filter((fault) => !/status of (404|400)/.test(fault)),
    [],
  );
  await page.context().close();
});

test('keys move by events, tens and tenths, to the start and to the end', async () => {
  const { page } = await open('shop', '?at=30');
  const event = async () => Number(/event ([\d,]+) of/.exec(await says(page))[1]);
  await eventually(event, (seq) => seq === 30);
  await knob(page).focus();
  const press = async (key, wanted) => {
    await page.keyboard.press(key);
    await eventually(event, wanted);
  };
  await press('ArrowLeft', (seq) => seq === 29);
  await press('Shift+ArrowRight', (seq) => seq === 39);
  await press('PageDown', (seq) => seq < 39);
  await press('Home', (seq) => seq === 1);
  await press(']', (seq) => seq === 2);
  await press('[', (seq) => seq === 1);
  await press('End', (seq) => seq === tip);
  assert.doesNotMatch(page.url(), /at=/);
  await page.context().close();
});

test('the tick of a failure leads to its moment and its test', async () => {
  const { page } = await open('shop');
  const tick = page.getByRole('button', { name: /^Failed: pays/ });
  await tick.hover();
  await page.locator('.slider-tip', { hasText: 'Failed: pays' }).waitFor();
  await tick.click();
  await page.waitForURL(/t=.*at=24\d/);
  await page.locator('.log-row', { hasText: 'no change was given' }).waitFor();
  const tocks = page.locator('.log-row:not(.log-after)', { hasText: 'tock' }); // what came after is not the past
  await eventually(
    () => tocks.count(),
    (many) => many === 0,
  );
  await page.context().close();
});

test('a search marks lines of the log as one writes, and goes to them', async () => {
  const { page } = await open('shop');
  await page.keyboard.press('Control+f');
  await page.keyboard.type('change was');
  await page.locator('mark', { hasText: 'change was' }).first().waitFor();
  await page.locator('.search-elsewhere[aria-busy="false"]').waitFor();
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('.log-hit-current').count(), 1);
  await page.context().close();
});

test('a search goes beyond the log: a step is found, and opened in its test', async () => {
  const { page } = await open('shop', '?q=redeem');
  const hit = page.locator('.search-hit', { hasText: 'redeem the voucher' }).first();
  await hit.waitFor();
  assert.equal(await hit.locator('mark').textContent(), 'redeem');
  await hit.click();
  await page.waitForURL(/t=[^&]+.*s=1(&|$)/);
  await page.context().close();
});

test('what is shared is what one sees, or less of it', async () => {
  const { page } = await open('shop', '?l=20&at=30');
  await page.getByRole('button', { name: 'Share' }).click();
  const link = page.getByRole('textbox', { name: 'Link' });
  assert.equal(await link.evaluate((one) => one === document.activeElement), true);
  assert.match(await link.inputValue(), /\/runs\/shop\?.*l=20.*at=30/);
  await page.getByRole('checkbox', { name: /^Moment/ }).uncheck();
  assert.doesNotMatch(await link.inputValue(), /at=/);
  await page.getByText('It opens on this machine only').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.share-box').waitFor({ state: 'detached' });
  assert.equal(
    await page.getByRole('button', { name: 'Share' }).evaluate((one) => one === document.activeElement),
    true,
  );
  await page.getByRole('button', { name: 'Back to live' }).first().click();
  await page.getByRole('button', { name: 'Share' }).click();
  await page.locator('.share-rerun', { hasText: 'npx playwright test shop.spec.js:7 --project=chromium' }).waitFor();
  await page.locator('.log-title').click();
  await page.locator('.share-box').waitFor({ state: 'detached' });
  await page.context().close();
});

test('a run that has ended is played again, held, and comes to its end', async () => {
  await site.node.post('shop', [{ ...end('b', 'passed') }, { type: 'run_status', status: 'failed' }]);
  const { page } = await open('shop');
  await page.getByRole('button', { name: 'Replay from the start' }).waitFor();
  // The run took a second or two: whoever holds it has to be quick.
  const speeds = await page.evaluate(async () => {
    const button = (words) =>
      [...document.querySelectorAll('.slider button')].find((one) => one.textContent.includes(words));
    button('Replay').click();
    while (button('Pause') === undefined) await new Promise(requestAnimationFrame);
    const found = [...document.querySelectorAll('.slider [role=radio]')].map((one) => one.textContent);
    button('16×').click();
    button('Pause').click();
    return found;
  });
  assert.deepEqual(speeds, ['1×', '4×', '16×']);
  await page.waitForURL(/at=\d+/);
  await page.getByRole('button', { name: 'Replay from here' }).click();
  await page.getByRole('button', { name: 'Replay from the start' }).waitFor({ timeout: 15_000 });
  assert.doesNotMatch(page.url(), /at=/);
  await page.context().close();
});
