// The shell of a run's page in a browser, in front of a real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { eventually, start } from './support/dev.js';
import { begin, end, NOT_VISIBLE, plan, post, status, step } from './support/run.js';

let dev;
before(async () => {
  dev = await start();
});
after(() => dev?.stop());

const send = (run, events) => post(dev.node.url, run, events);
const titles = (page) =>
  page.$$eval('.tests-row', (rows) => rows.map((row) => row.querySelector('.tests-title').textContent));
const focused = (page) =>
  page.evaluate(() => {
    const row = document.activeElement?.closest('[role=treeitem]');
    return row?.querySelector('.tests-title, .tests-group-title, .tests-file')?.textContent ?? null;
  });
const opened = (page) =>
  page.$eval('[role=treeitem][aria-selected=true] .tests-title', (title) => title.textContent).catch(() => null);

/** A run of five tests: one passed, two run, two are queued. */
async function shop(run) {
  const names = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'];
  await send(run, [
    status('running', { total: 5, workers: 2, meta: { project: 'shop', number: 4, branch: 'main', author: 'ada' } }),
    plan(names.map((name) => [name, `test ${name}`, { tags: name === 'alpha' ? ['@slow'] : [] }])),
    begin('alpha'),
    end('alpha', 'passed'),
    begin('beta', 0),
    step('beta', '1', 'Click "Save"'),
    begin('gamma', 1),
  ]);
}

test('bar and tree say what goes on, and the newest failure opens by itself until somebody chooses', async () => {
  await shop('first');
  const { page, faults } = await dev.open('first');
  await page.waitForSelector('.tests-row');
  await eventually(
    () => page.textContent('.top-word'),
    (word) => word === 'RUNNING',
  );
  await eventually(
    () => opened(page),
    (title) => title === 'test beta',
  );
  assert.equal(new URL(page.url()).search, '', 'what nobody chose is not in the URL');
  await send('first', [end('gamma', 'failed', { error: NOT_VISIBLE })]);
  await eventually(
    () => opened(page),
    (title) => title === 'test gamma',
  );
  await eventually(
    () => page.title(),
    (title) => title === '✖ 1/5 shop #4',
  );
  const row = await page.textContent('.tests-row[aria-selected=true]');
  assert.match(row, /expect\(locator\)\.toBeVisible\(\) failed.*getByText\('Company is required'\)/s);
  assert.match(await page.getAttribute('.top-progress', 'aria-label'), /^1 failed, 1 passed, 1 running, 2 queued$/);
  await page.click('.tests-row:has-text("test alpha")');
  await eventually(
    () => opened(page),
    (title) => title === 'test alpha',
  );
  assert.match(new URL(page.url()).search, /^\?t=/);
  await send('first', [end('beta', 'failed', { error: 'Error: no' })]);
  await page.mouse.move(900, 5);
  await eventually(
    () => page.$$eval('[data-form=failed]', (rows) => rows.length),
    (number) => number === 2,
  );
  assert.equal(await opened(page), 'test alpha');
  await page.goBack();
  await eventually(
    () => opened(page),
    (title) => title !== 'test alpha',
  );
  await page.goForward();
  await eventually(
    () => opened(page),
    (title) => title === 'test alpha',
  );
  assert.deepEqual(faults, []);
});

test('the tree is walked by keys alone', async () => {
  await shop('keys');
  await send('keys', [
    end('gamma', 'failed', { error: NOT_VISIBLE }),
    end('beta', 'failed', { error: 'Error: older no' }),
  ]);
  const { page, faults } = await dev.open('keys');
  await page.waitForSelector('.tests-row');
  await page.keyboard.press('1');
  await eventually(
    () => focused(page),
    (title) => title !== null,
  );
  await page.keyboard.press('Home');
  assert.equal(await focused(page), 'Failed');
  await page.keyboard.press('ArrowLeft');
  await eventually(
    () => page.$$eval('[data-form=failed]', (rows) => rows.length),
    (number) => number === 0,
  );
  await page.keyboard.press('ArrowRight');
  await eventually(
    () => page.$$eval('[data-form=failed]', (rows) => rows.length),
    (number) => number === 2,
  );
  await page.keyboard.press('j');
  const first = await eventually(
    () => focused(page),
    (title) => title?.startsWith('test'),
  );
  await page.keyboard.press('ArrowDown');
  const second = await eventually(
    () => focused(page),
    (title) => title?.startsWith('test') && title !== first,
  );
  await page.keyboard.press('Enter');
  await eventually(
    () => opened(page),
    (title) => title === second,
  );
  await page.keyboard.press('F');
  await eventually(
    () => opened(page),
    (title) => title === first,
  );
  await page.keyboard.press('f');
  await eventually(
    () => opened(page),
    (title) => title === second,
  );
  await page.keyboard.press('End');
  assert.equal(await focused(page), 'test epsilon');
  const levels = await page.$$eval('[role=treeitem]', (rows) =>
    rows.map((row) => ['level', 'posinset', 'setsize'].map((name) => Number(row.getAttribute(`aria-${name}`)))),
  );
  assert.deepEqual(levels, [
    [1, 1, 2],
    [2, 1, 2],
    [2, 2, 2],
    [1, 2, 2],
    [2, 1, 1],
    [3, 1, 3],
    [3, 2, 3],
    [3, 3, 3],
  ]);
  assert.equal(await page.$$eval('[role=treeitem][tabindex="0"]', (rows) => rows.length), 1);

  await page.keyboard.press('/');
  await page.keyboard.type('@slow');
  await eventually(
    () => titles(page),
    (all) => all.join() === 'test alpha',
  );
  await page.keyboard.press('ArrowDown');
  await eventually(
    () => focused(page),
    (title) => title !== null,
  );
  await page.keyboard.press('/');
  await page.keyboard.press('Escape');
  await eventually(
    () => titles(page),
    (all) => all.length === 5,
  );

  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.waitForSelector('.keys');
  await page.click('.keys [role=switch]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('.keys', { state: 'detached' });
  const before = await opened(page);
  await page.keyboard.press('f');
  await page.keyboard.press('?');
  assert.equal(await page.$('.keys'), null, 'single keys are off');
  assert.equal(await opened(page), before);
  assert.deepEqual(faults, []);
});

test('the order stands still under the pointer, and says what waits', async () => {
  await shop('freeze');
  const { page, faults } = await dev.open('freeze');
  await page.waitForSelector('[data-form=running]');
  await page.hover('.tests-row:has-text("test delta")');
  const before = await titles(page);
  const places = () =>
    page.$$eval('.tests-row', (rows) => rows.map((row) => Math.round(row.getBoundingClientRect().top)));
  const tops = await places();
  await send('freeze', [end('gamma', 'failed', { error: NOT_VISIBLE }), begin('delta', 1)]);
  await eventually(
    () => page.textContent('.tests-news'),
    (text) => text.startsWith('1 new failure'),
  );
  assert.deepEqual(await titles(page), before);
  assert.deepEqual(await places(), tops);
  assert.match(
    await page.$eval('.tests-row:has-text("test gamma") .icon', (icon) => icon.getAttribute('aria-label')),
    /failed/,
  );
  await page.click('.tests-news-button');
  await eventually(
    () => titles(page),
    (all) => all[0] === 'test gamma',
  );
  // walking by keys holds it, too
  await page.mouse.move(900, 5);
  await page.keyboard.press('1');
  await eventually(
    () => focused(page),
    (title) => title !== null,
  );
  const held = await titles(page);
  await send('freeze', [end('beta', 'failed', { error: 'Error: again' })]);
  await eventually(
    () => page.textContent('.tests-news'),
    (text) => text.startsWith('1 new failure'),
  );
  assert.deepEqual(await titles(page), held);
  await page.keyboard.press('/');
  await eventually(
    () => titles(page),
    (all) => all[0] === 'test beta',
  );
  assert.deepEqual(faults, []);
});
