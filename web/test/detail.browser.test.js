// One test and the summary in a browser: the demo's recording with its files, in front of a real server.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { eventually, start } from './support/dev.js';
import { post } from './support/run.js';

const demo = fileURLToPath(new URL('../../demo/', import.meta.url));
const FAILED = 'takes a voucher off once';
const FLAKY = 'says when it arrives';
let dev;

before(async () => {
  dev = await start();
  const events = readFileSync(`${demo}run.ndjson`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  await post(dev.node.url, 'shop', events.slice(0, 300));
  await post(dev.node.url, 'shop', events.slice(300));
  for (const { file, name, kind, contentType, test: id } of JSON.parse(
    readFileSync(`${demo}artifacts/index.json`, 'utf8'),
  )) {
    const answer = await fetch(`${dev.node.url}/api/runs/shop/artifacts/${encodeURIComponent(name)}`, {
      method: 'PUT',
      body: readFileSync(`${demo}artifacts/${file}`),
      headers: { 'content-type': contentType, 'runcast-kind': kind, 'runcast-test': id },
    });
    assert.equal(answer.status, 201, name);
  }
});
after(() => dev?.stop());

/** Faults but those of routes that a server of before has not. */
const own = (faults) => faults.filter((fault) => !/status of 404/.test(fault));
const row = (page, title) => page.locator('.step-row', { hasText: title }).first();
const focused = (page) =>
  page.evaluate(() => document.activeElement?.closest('[data-step]')?.getAttribute('data-step'));

test('a failed test says why at once, and its steps are a tree', async () => {
  const { page, faults } = await dev.open('shop');
  await page.getByRole('treeitem').filter({ hasText: FAILED }).first().click();
  const pane = page.getByRole('complementary', { name: 'Test' });
  await pane.getByRole('heading', { name: FAILED }).waitFor();
  const error = pane.getByRole('region', { name: 'Error' });
  await error.waitFor();
  assert.match(await error.innerText(), /^the order that was sent/);
  // what differs is marked once the part that compares has come
  await error.locator('mark').first().waitFor();
  assert.deepEqual(await error.locator('mark').allInnerTexts(), ['2052', '1847']);
  assert.equal(
    await error
      .locator('.code-failing')
      .innerText()
      .then((text) => text.replace(/\s+/g, ' ')),
    "38 expect(shop.orders[0], 'the order that was sent').toEqual({",
  );
  const box = await error.boundingBox();
  assert.ok(box.y < 800, 'it is in sight without scrolling');

  const tree = pane.getByRole('tree', { name: 'Steps' });
  assert.equal(await tree.getByRole('treeitem', { name: /fill the cart/ }).getAttribute('aria-expanded'), 'false');
  await tree.getByRole('treeitem', { name: /Before Hooks/ }).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await eventually(
    () => focused(page),
    (step) => step === '7',
  );
  await page.keyboard.press('ArrowRight');
  await eventually(
    () => focused(page),
    (step) => step === '8',
  );
  assert.equal(await row(page, 'Navigate').getAttribute('aria-level'), '2');
  await page.keyboard.press('Enter');
  await eventually(
    () => new URL(page.url()).searchParams.get('s'),
    (step) => step === '8',
  );
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await eventually(
    () => tree.getByRole('treeitem', { name: /fill the cart/ }).getAttribute('aria-expanded'),
    (open) => open === 'false',
  );
  assert.deepEqual(own(faults), []);
});

test('a link leads to its step, which is opened, in sight and marked; the moment can be shown', async () => {
  const { page, faults } = await dev.open('shop');
  await page.getByRole('treeitem').filter({ hasText: FAILED }).first().click();
  const key = await eventually(
    () => new URL(page.url()).searchParams.get('t'),
    (test) => test !== null,
  );
  const linked = await dev.open(
    'shop',
    { viewport: { width: 1400, height: 700 } },
    `?t=${encodeURIComponent(key)}&s=33`,
  );
  const step = linked.page.locator('[data-step="33"]');
  await step.waitFor();
  assert.equal(await step.locator('.step-row').getAttribute('aria-selected'), 'true');
  await eventually(
    () => step.boundingBox(),
    (box) => box !== null && box.y > 60 && box.y < 640,
  );
  await step.getByRole('button', { name: 'Show this moment' }).click();
  await eventually(
    () => Number(new URL(linked.page.url()).searchParams.get('at')),
    (at) => at > 0,
  );
  assert.deepEqual([...own(faults), ...own(linked.faults)], []);
});

test('a flaky test has its attempts beside each other, and each by itself', async () => {
  const { page, faults } = await dev.open('shop');
  await page.getByRole('treeitem').filter({ hasText: FLAKY }).first().click();
  const failed = page.getByRole('region', { name: 'Attempt 1' });
  await failed.waitFor();
  await page.getByRole('region', { name: 'Attempt 2' }).waitFor();
  await page.getByRole('heading', { name: 'Error of attempt 1' }).waitFor();
  await failed.getByRole('button', { name: /Expect toHaveText/ }).click();
  await page.getByRole('tree', { name: 'Steps' }).waitFor();
  await eventually(
    () => page.getByRole('radio', { name: /^Attempt 1/ }).getAttribute('aria-checked'),
    (checked) => checked === 'true',
  );
  await page.getByRole('radio', { name: 'Both attempts side by side' }).click();
  await failed.waitFor();
  assert.deepEqual(own(faults), []);
});

test('files are shown in place, and the addresses are those of this server', async () => {
  const { page, faults } = await dev.open('shop');
  await page.getByRole('treeitem').filter({ hasText: FAILED }).first().click();
  const files = page.getByRole('region', { name: 'Attachments' });
  await files.getByText(/stored as .* −\d+ %/).waitFor();
  await files.getByText(/kept until/).waitFor();
  await files.getByRole('button', { name: 'order.json', exact: true }).click();
  await files.locator('.viewer-text', { hasText: '"totalCents": 1847' }).waitFor();
  await files.getByRole('button', { name: 'screenshot', exact: true }).click();
  await eventually(
    () => files.locator('.viewer-frame img').evaluate((image) => image.naturalWidth),
    (width) => width === 720,
  );
  await files.getByRole('button', { name: 'video', exact: true }).click();
  await eventually(
    () => files.locator('video').evaluate((video) => video.readyState),
    (state) => state >= 1,
  );
  const links = await files.locator('a').evaluateAll((all) => all.map((link) => new URL(link.href)));
  assert.ok(links.length >= 5);
  for (const { origin, pathname } of links)
    assert.ok(origin === dev.url && /^\/(?:api\/runs\/shop\/artifacts\/|trace\/)/.test(pathname), pathname);
  assert.deepEqual(own(faults), []);
});

test('the summary has what failed first, lanes for eyes and keys, and the files of the run', async () => {
  const { page, faults } = await dev.open('shop');
  const summary = page.getByRole('region', { name: 'Summary' });
  await summary.getByRole('region', { name: 'Failures' }).waitFor();
  assert.match(await summary.innerText(), /^Failed/);
  await summary.getByText(/^2 workers, \d+ % busy/).waitFor();
  const list = summary.getByRole('listbox', { name: 'When each test ran' });
  await list.focus();
  const option = () => list.getByRole('option').innerText();
  const first = await option();
  await page.keyboard.press('ArrowRight');
  await eventually(option, (text) => text !== first);
  await page.keyboard.press('ArrowDown');
  await eventually(option, (text) => text.includes('worker 1'));
  const sought = (await option()).split(', ')[0].split(' › ').at(-1);
  await page.keyboard.press('Enter');
  await page.getByRole('complementary', { name: 'Test' }).getByRole('heading', { name: sought }).waitFor();
  await summary.getByRole('button', { name: /^\d+ files of the run/ }).click();
  await summary.getByRole('searchbox', { name: 'Search in the files' }).fill('TRACE');
  await summary.getByText('1 file', { exact: true }).waitFor();
  assert.deepEqual(own(faults), []);
});

test('a failure among thousands of steps is one click away', async () => {
  const steps = Array.from({ length: 2_000 }, (_, at) => {
    const id = String(at + 1);
    const begun = { stepNumber: at + 1, id, attempt: 0, title: `step ${id}` };
    const failed = id === '1500' ? { error: { message: 'Error: no such row' } } : {};
    return [begun, { ...begun, phase: 'end', durationMs: 1, ...failed }].map((step) => ({
      type: 'test_step',
      testId: 'deep',
      step,
    }));
  }).flat();
  const data = { attempt: 0, slot: 0, title: ['deep'] };
  const all = [
    { type: 'run_status', status: 'running' },
    { type: 'test_status', testId: 'deep', status: 'running', data },
    ...steps,
    {
      type: 'test_status',
      testId: 'deep',
      status: 'failed',
      data: { ...data, durationMs: 9, errors: [{ message: 'Test timeout of 9ms exceeded.' }] },
    },
    { type: 'run_status', status: 'failed' },
  ];
  for (let from = 0; from < all.length; from += 500) await post(dev.node.url, 'deep', all.slice(from, from + 500));
  const { page, faults } = await dev.open('deep');
  await page.getByRole('treeitem').filter({ hasText: 'deep' }).first().click();
  await page.getByRole('button', { name: 'To the failure' }).click();
  await page.locator('[data-step="1500"]').getByText('no such row').waitFor();
  await eventually(
    () => page.locator('[data-step="1500"]').boundingBox(),
    (box) => box !== null && box.y > 60 && box.y < 800,
  );
  assert.deepEqual(own(faults), []);
});

test('hostile texts are texts, and 5,000 steps are some rows', async () => {
  const evil = '<img src=x onerror=alert(1)>\u202e\u0000';
  const steps = Array.from({ length: 5_000 }, (_, at) => ({
    type: 'test_step',
    testId: 'many',
    step: { stepNumber: at + 1, id: String(at + 1), attempt: 0, title: `${evil} ${at}`, subtitle: evil },
  }));
  const begun = {
    type: 'test_status',
    testId: 'many',
    status: 'running',
    data: { attempt: 0, slot: 0, title: [evil, 'many steps'] },
  };
  const ended = {
    ...begun,
    status: 'failed',
    data: {
      attempt: 0,
      durationMs: 5,
      errors: [{ message: evil, snippet: evil, stack: evil }],
      attachments: [{ name: evil, contentType: 'text/html', artifact: evil }],
    },
  };
  const all = [
    { type: 'run_status', status: 'running' },
    begun,
    ...steps,
    ended,
    { type: 'run_status', status: 'failed' },
  ];
  for (let from = 0; from < all.length; from += 500) await post(dev.node.url, 'evil', all.slice(from, from + 500));
  const { page, faults } = await dev.open('evil');
  await page.getByRole('treeitem').filter({ hasText: 'many steps' }).first().click();
  const tree = page.getByRole('tree', { name: 'Steps' });
  await tree.getByRole('treeitem').first().waitFor();
  assert.ok((await tree.getByRole('treeitem').count()) < 80);
  await page.locator('.detail-section-head', { hasText: '5,000' }).waitFor(); // they come in parts
  await tree.getByRole('treeitem').first().focus();
  await page.keyboard.press('End');
  await eventually(
    () => focused(page),
    (step) => step === '5000',
  );
  assert.equal(await page.locator('.detail img, .ended img').count(), 0);
  assert.match(await page.locator('.error-block').innerText(), /<img src=x onerror=alert\(1\)>/);
  assert.deepEqual(own(faults), []);
});

test('on a phone the test is behind the tab "Steps"', async () => {
  const { page, faults } = await dev.open('shop', {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
  await page.getByRole('treeitem').filter({ hasText: FAILED }).first().click();
  await page.getByRole('region', { name: 'Error' }).waitFor();
  const low = await page
    .locator('.step-row')
    .first()
    .evaluate((element) => element.getBoundingClientRect().height);
  assert.ok(low >= 44);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  assert.deepEqual(own(faults), []);
});
