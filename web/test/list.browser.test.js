// The list of runs in a browser, in front of a real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { eventually, start } from './support/dev.js';

let site;
let page;
let faults;

before(async () => {
  site = await start();
  ({ page, faults } = await site.open('nothing-here'));
});
after(() => site?.stop());

const status = (state, meta) => ({
  type: 'run_status',
  status: state,
  ...(meta === undefined ? {} : { data: { meta } }),
});
const post = (run, ...events) => site.node.post(run, events);
const row = (name) => page.locator('.list-row', { has: page.getByRole('link', { name, exact: true }) });
const names = () =>
  page.$$eval('.list-link', (links) => links.map((link) => decodeURIComponent(link.getAttribute('href').slice(6))));
const open = async (query = '') => {
  await page.goto(`${site.url}/${query}`);
  await page.locator('.list-row, .list-empty, .list-none').first().waitFor();
};

test('an empty list says how to post a run, and shows the first one by itself', async () => {
  await open();
  await page.getByRole('heading', { name: 'No run has been posted yet.' }).waitFor();
  await page.locator('.list-code', { hasText: `curl ${site.url}/api/runs/my-first-run/events` }).waitFor();
  await post('first', status('running'));
  await row('first').waitFor();
  assert.equal(await row('first').getAttribute('data-word'), 'running');
  assert.deepEqual(await page.locator('.list-heading').allTextContents(), ['Now']);
});

test('a run that ends moves to its day, but not while somebody points at the list', async () => {
  await post('second', status('running'));
  await row('second').waitFor();
  await row('first').hover();
  const order = await names();
  await post('second', status('passed'));
  await eventually(
    () => row('second').getAttribute('data-word'),
    (word) => word === 'passed',
  );
  await post('third', status('running'));
  await page.locator('.list-waiting', { hasText: 'A new run' }).waitFor();
  assert.deepEqual(await names(), order, 'nothing has moved');
  await page.mouse.move(5, 5);
  await row('third').waitFor();
  assert.deepEqual((await page.locator('.list-heading').allTextContents()).slice(0, 2), ['Now', 'Today']);
  assert.equal((await names()).at(-1), 'second');
});

test('words choose runs, stand in the URL, and go back', async () => {
  await page.keyboard.press('/');
  await page.keyboard.type('FIR');
  await eventually(names, (shown) => shown.join() === 'first');
  assert.match(page.url(), /\?q=FIR$/);
  await page.getByRole('textbox', { name: 'Filter runs' }).fill('nosuchrun');
  await page.locator('.list-none').waitFor();
  await page.getByRole('button', { name: 'Show all runs' }).click();
  await eventually(names, (shown) => shown.length === 3);
  await open('?q=second&group=passed');
  assert.deepEqual(await names(), ['second']);
  await page.getByRole('radio', { name: /^Failed/ }).click();
  await page.locator('.list-none').waitFor();
  assert.match(page.url(), /group=failed/);
});

test('chips are written, and taken away', async () => {
  await open();
  await page.getByRole('textbox', { name: 'Filter runs' }).pressSequentially('branch:main x');
  await page.locator('.list-chip', { hasText: 'branch: main' }).waitFor();
  assert.match(page.url(), /branch=main/);
  assert.equal(await page.getByRole('textbox', { name: 'Filter runs' }).inputValue(), 'x');
  await page.getByRole('button', { name: 'take branch: main away' }).click();
  assert.doesNotMatch(page.url(), /branch/);
  await page.getByRole('textbox', { name: 'Filter runs' }).fill('');
  await page.getByRole('textbox', { name: 'Filter runs' }).press('Backspace');
  assert.match(page.url(), /started=all/);
});

test('keys go from run to run, and Enter opens', async () => {
  await open('?started=all');
  await eventually(names, (shown) => shown.length === 3);
  const [first, second] = await names();
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('href'));
  await page.keyboard.press('j');
  assert.equal(await focused(), `/runs/${first}`);
  await page.keyboard.press('j');
  assert.equal(await focused(), `/runs/${second}`);
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/runs/${first}`);
});

test('a run says what it is about, what failed first, and how far it is', async () => {
  const meta = {
    project: 'shop',
    number: 4127,
    branch: 'fix/refunds',
    commit: '9f3c21e00ab',
    author: 'ada',
    labels: ['pr'],
  };
  const tests = ['a', 'b', 'c', 'd'].map((testId) => ({ testId, title: `pays with ${testId}` }));
  const ended = (testId, state, errors) => ({
    type: 'test_status',
    testId,
    status: state,
    data: { attempt: 0, errors },
  });
  await post(
    'shop',
    status('running', meta),
    { type: 'test_plan', tests },
    ended('a', 'passed'),
    ended('b', 'failed', [{ message: 'Error: no change\nmore' }]),
  );
  await open('?started=all');
  const shop = page.locator('.list-row', { has: page.locator('a[href="/runs/shop"]') });
  await shop.locator('.list-line-error', { hasText: 'pays with b: Error: no change' }).waitFor();
  assert.equal(await shop.getAttribute('data-word'), 'failing');
  assert.match(
    await shop.innerText(),
    /FAILING[^]*shop[^]*#4127[^]*pr[^]*fix\/refunds[^]*9f3c21e\n[^]*ada[^]*1[^]*2 of 4/,
  );
  assert.deepEqual(
    await shop.locator('.list-part').evaluateAll((parts) => parts.map((part) => part.className.split(' ').at(-1))),
    ['list-part-failed', 'list-part-passed', 'list-part-queued'],
  );
  await page.getByRole('combobox', { name: 'Project' }).selectOption('shop');
  await eventually(names, (shown) => shown.join() === 'shop');
  assert.match(page.url(), /project=shop/);
  await post('shop', status('failed'));
  await eventually(
    () => shop.getAttribute('data-word'),
    (word) => word === 'failed',
  );
});

test('hostile names are text, and pages go on', async () => {
  await post(
    'hostile',
    status('running', {
      project: '<img src=x onerror=alert(1)>\u202e',
      number: 1,
      branch: 'b'.repeat(200),
      author: 'ä'.repeat(100),
      labels: ['<b>', 'x'.repeat(60)],
      title: '\u200b',
    }),
  );
  for (let run = 0; run < 60; run += 1) await post(`run-${run}`, status('running'), status('failed'));
  await open('?started=all');
  const more = page.getByRole('button', { name: 'Load more' });
  await more.click();
  await eventually(names, (shown) => shown.length === 65);
  assert.equal(new Set(await names()).size, 65);
  assert.equal(await page.locator('.list-page img').count(), 0);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 1400);
});

test('a phone has cards that fit', async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await open();
  assert.ok((await page.evaluate(() => document.querySelector('.list-page').scrollWidth)) <= 360);
  const { height } = await page.locator('.list-row').first().boundingBox();
  assert.ok(height >= 44);
  await page.setViewportSize({ width: 1400, height: 900 });
});

test('a server that is away is said in words, and its return is seen', async () => {
  await open();
  await site.node.end('SIGTERM');
  await page.locator('.list-away', { hasText: 'no answer from the server since' }).waitFor();
  await site.node.restart();
  await page.locator('.list-away').waitFor({ state: 'detached' });
  await post('after', status('running'));
  await row('after').waitFor();
  const unexpected = faults.filter((fault) => !/Failed to load resource|ERR_/.test(fault));
  assert.deepEqual(unexpected, []);
});
