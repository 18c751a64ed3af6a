// The shell of a run's page with hostile texts, many tests, a phone, no events and a fault, in front of a real server.
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

test('hostile texts are texts', async () => {
  const hostile = [
    '<img src=x onerror=alert(1)><script>alert(2)</script>',
    '\u202egnp.exe',
    '\u200b\u2060',
    'x'.repeat(240_000),
    'nul\u0000nul',
    '{{constructor}}',
    'שלום › <b>',
  ];
  for (const [at, title] of hostile.entries())
    await send('hostile', [plan([[`h${at}.1`, title, { project: '\u202e<i>p</i>', tags: ['<b>'], file: '<u>f' }]])]);
  await send('hostile', [
    status('running', {
      total: 9,
      meta: {
        project: `<b>${'p'.repeat(500)}`,
        branch: '\u202ereversed',
        ciUrl: 'javascript:alert(1)',
        title: '"><script>',
      },
    }),
    begin('h0.1'),
    end('h0.1', 'failed', { error: '<script>alert(1)</script>\u0000\u001b[2J\nLocator: <b>x</b>' }),
  ]);
  for (const viewport of [
    { width: 1400, height: 900 },
    { width: 360, height: 700 },
  ]) {
    const { page, faults } = await dev.open('hostile', { viewport });
    page.on('dialog', () => faults.push('a dialog'));
    await page.waitForSelector('.tests-row');
    if (viewport.width > 700) {
      const all = await eventually(
        () => titles(page),
        (list) => list.length === hostile.length,
      );
      assert.deepEqual(
        new Set(all.map((title) => title.slice(0, 30))),
        new Set([
          '<img src=x onerror=alert(1)><s',
          'gnp.exe',
          '\\u200b\\u2060',
          'x'.repeat(30),
          'nulnul',
          '{{constructor}}',
          'שלום › <b>',
        ]),
      );
      await page.click('.tests-row:has-text("nulnul")');
      const link = new URL(page.url()).searchParams.get('t');
      assert.match(link, /h4\.1\.$/, 'a key that ends like an attempt');
      await page.reload();
      await eventually(
        () => opened(page),
        (title) => title === 'nulnul',
      );
    }
    assert.equal(
      await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
      true,
      'nothing scrolls sideways',
    );
    assert.equal(await page.$('a[href^="javascript"]'), null);
    assert.deepEqual(faults, []);
    await page.context().close();
  }
});

test('on a phone there is one pane, tabs at the thumb, and rows for fingers', async () => {
  await shop('phone');
  await send('phone', [end('gamma', 'failed', { error: NOT_VISIBLE })]);
  const { page, faults } = await dev.open('phone', {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
  await page.waitForSelector('.tests-row');
  await eventually(
    () => titles(page),
    (all) => all[0] === 'test gamma',
  );
  const low = await page.$$eval(
    '[role=treeitem], .phone-tab',
    (rows) => rows.filter((row) => row.getBoundingClientRect().height < 44).length,
  );
  assert.equal(low, 0);
  assert.match(await page.textContent('[role=tree]'), /1 done.*2 queued/s);
  await page.tap('.tests-group:has-text("2 queued")');
  await eventually(
    () => titles(page),
    (all) => all.includes('test delta'),
  );
  await page.tap('.tests-row:has-text("test gamma")');
  await eventually(
    () => page.$eval('.phone-tab[aria-current]', (tab) => tab.textContent),
    (tab) => tab === 'Steps',
  );
  await page.goBack();
  await eventually(
    () => page.$eval('.phone-tab[aria-current]', (tab) => tab.textContent),
    (tab) => tab === 'Tests',
  );
  for (const tab of ['Log', 'Time', 'Steer', 'Tests']) {
    await page.tap(`.phone-tab:has-text("${tab}")`);
    await eventually(
      () => page.$eval('.phone-tab[aria-current]', (one) => one.textContent),
      (one) => one.startsWith(tab),
    );
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, tab);
  }
  assert.deepEqual(faults, []);
});

test('a run of which nothing was posted says how, and fills by itself', async () => {
  const { page, faults } = await dev.open('empty-1');
  await page.waitForSelector('.empty-way');
  assert.match(await page.textContent('.empty'), /Nothing has been posted to empty-1 yet\..*Plain HTTP/s);
  assert.match(await page.textContent('.empty'), new RegExp(`curl ${dev.url}/api/runs/empty-1/events`));
  await shop('empty-1');
  await page.waitForSelector('.tests-row');
  assert.deepEqual(faults, []);
});

test('an exception in one pane shows there, and the others live on', async () => {
  await shop('fault');
  const { page } = await dev.open('fault', {
    init: () =>
      (globalThis.ResizeObserver = class {
        constructor() {
          throw new TypeError('no such thing');
        }
      }),
  });
  await page.waitForSelector('.boundary:has-text("The tests can’t be shown.")');
  assert.match(await page.textContent('.pane-tests .boundary'), /TypeError: no such thing.*Copy details/s);
  await send('fault', [end('gamma', 'failed', { error: NOT_VISIBLE })]);
  await eventually(
    () => page.textContent('.top-word'),
    (word) => word === 'FAILING',
  );
});

test('ten thousand tests: few nodes, and focus stays in the tree while it is scrolled', async () => {
  for (let part = 0; part < 10; part += 1) {
    await send('big', [
      plan(
        Array.from({ length: 1_000 }, (_, n) => [
          `t${part}-${n}`,
          ['suite', `case ${part}-${n}`],
          { file: `f${part}.spec.ts` },
        ]),
      ),
    ]);
  }
  await send('big', [status('running', { total: 10_000 }), begin('t0-0')]);
  const { page, faults } = await dev.open('big');
  await page.waitForSelector('.tests-group:has-text("9,999")');
  await page.keyboard.press('1');
  await page.keyboard.press('End');
  await eventually(
    () => focused(page),
    (title) => title === 'suite › case 9-999',
  );
  assert.ok((await page.$$eval('[role=treeitem]', (rows) => rows.length)) < 80);
  await page.$eval('.tests-scroll', (scroll) => (scroll.scrollTop = 0));
  await eventually(
    () => titles(page),
    (all) => all.includes('suite › case 0-0'),
  );
  assert.equal(await focused(page), 'suite › case 9-999');
  assert.deepEqual(faults, []);
});
