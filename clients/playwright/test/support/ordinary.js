// A project in which everything happens that ordinarily does. All of it is run by one worker at a time, so that what is
// printed comes in one order.

const CONFIG = {
  workers: 1,
  globalSetup: require.resolve('./ordinary-setup.js'),
  projects: [
    { name: 'all', testIgnore: '**/{repeat,twice}.spec.js' },
    { name: 'repeated', testMatch: '**/repeat.spec.js', repeatEach: 2 },
    { name: 'one', testMatch: '**/twice.spec.js' },
    { name: 'two', testMatch: '**/twice.spec.js' },
  ],
};

const FILES = {
  'browser.spec.js': `
    const { test, expect } = require('@playwright/test');
    test.use({ screenshot: 'only-on-failure', trace: 'retain-on-failure' });
    test.describe('a page', () => {
      test('is filled in', { tag: ['@smoke', '@form'] }, async ({ page }, info) => {
        await page.setContent('<h1>Käse</h1><input aria-label="name"><button>Go</button>');
        await test.step('form', async () => {
          await test.step('name', async () => await page.getByLabel('name').fill('Ada'));
          await page.getByRole('button').click();
        });
        await expect(page.locator('h1')).toHaveText('Käse');
        await info.attach('note', { body: 'hello', contentType: 'text/plain' });
        await info.attach('bytes', { body: Buffer.from([0, 255, 1]), contentType: 'application/octet-stream' });
      });
      test('fails at several places', async ({ page }, info) => {
        info.annotations.push({ type: 'issue', description: 'SHOP-77' });
        await page.setContent('<p>a</p>');
        expect.soft(1, 'the number').toBe(2);
        await test.step('looks', async () => {
          await expect(page.locator('p')).toHaveText('b', { timeout: 50 });
        });
      });
    });
  `,
  'results.spec.js': `
    const fs = require('node:fs');
    const { test, expect } = require('@playwright/test');
    test.skip('is skipped', async () => {});
    test.fixme('is to be fixed', { annotation: { type: 'issue', description: 'SHOP-1' } }, async () => {});
    test('skips itself', async () => { test.skip(true, 'not here'); });
    test('is expected to fail', async () => { test.fail(true, 'known'); expect(1).toBe(2); });
    test('is expected to fail, and passes', async () => { test.fail(); });
    test.describe('retries', () => {
      test.describe.configure({ retries: 1 });
      test('is flaky', async ({}, info) => { await test.step('sometimes', async () => expect(info.retry).toBe(1)); });
    });
    test('throws what is no error', async () => { throw { code: 7 }; });
    test('has a cause', async () => { throw new Error('outer', { cause: new Error('inner') }); });
    test('takes too long', async () => {
      test.setTimeout(400);
      await test.step('waits', async () => await test.step('for nothing', () => new Promise(() => {})));
    });
    test('leaves a step open', async () => { void test.step('is not awaited', () => new Promise(() => {})); });
    test('attaches', async ({}, info) => {
      const path = info.outputPath('data.json');
      fs.writeFileSync(path, '{"a":1}');
      await info.attach('a/b "c".json', { path });
      info.attachments.push({ name: 'pushed', contentType: 'text/plain', path });
      await test.step('in a step', async () => await info.attach('inner', { body: 'x' }));
      info.attachments.push({ name: 'missing', contentType: 'text/plain', path: path + '.none' });
    });
    test.describe('nested', () => test.describe('', () => test.describe('groups', () => {
      test('have titles', async () => {});
    })));
    test('has unhandled errors', async () => {
      const isThrown = new Promise((resolve) => process.once('uncaughtException', resolve));
      setTimeout(() => { throw new Error('nobody catches it'); });
      await isThrown;
    });
  `,
  'hooks.spec.js': `
    const { test: base, expect } = require('@playwright/test');
    const test = base.extend({
      basket: [async ({}, use) => { await test.step('fills it', async () => {}); await use([]); }, { title: 'basket' }],
      shop: [async ({}, use) => {
        console.log('shop opens');
        await use(1);
        console.log('shop closes');
      }, { scope: 'worker' }],
      quiet: [async ({}, use) => { await use(1); }, { auto: true }],
      broken: async ({}, use) => { throw new Error('no fixture'); },
    });
    test.describe('beforeAll fails', () => {
      test.beforeAll(async () => { await test.step('prepares', async () => {}); throw new Error('beforeAll'); });
      test('first', async () => {});
      test('second', async () => {});
    });
    test.describe('afterAll fails', () => {
      test.afterAll(async () => { expect('afterAll').toBe('done'); });
      test('the last one is blamed', async ({ shop }) => {});
    });
    test.describe('each', () => {
      test.beforeEach('before', async ({ basket }) => { basket.push(1); });
      test.afterEach('after', async () => { await test.step('tidies', async () => {}); });
      test('has hooks', async ({ basket, shop }) => { expect(basket).toEqual([1]); });
      test('has a broken fixture', async ({ broken }) => {});
    });
  `,
  'serial.spec.js': `
    const { test, expect } = require('@playwright/test');
    test.describe.serial('serial', () => {
      test.describe.configure({ retries: 1 });
      test('one', async () => {});
      test('two', async ({}, info) => { expect(info.retry).toBe(1); });
      test('three', async () => {});
    });
    test.describe.serial('serial to the end', () => {
      test.describe.configure({ retries: 1 });
      test('one', async () => { throw new Error('always'); });
      test('two', async () => {});
    });
  `,
  'crash.spec.js': `
    const { test } = require('@playwright/test');
    test.describe.configure({ retries: 1 });
    test('crashes', async () => {
      await test.step('outer', async () => await test.step('inner', async () => {
        console.log('about to crash');
        // Behind what was told to Playwright's own process.
        await new Promise((resolve) => process.send({ method: 'told' }, resolve));
        process.exit(3);
      }));
    });
    test('goes on', async () => {});
  `,
  'output.spec.js': `
    const { test } = require('@playwright/test');
    console.log('loading');
    test('writes', async () => {
      process.stdout.write('no end of line');
      process.stdout.write(' \\u001b[31mred\\u001b[39m Grüße\\n');
      console.error('to standard error');
      const euro = Buffer.from('€');
      process.stdout.write(euro.subarray(0, 1));
      process.stdout.write(euro.subarray(1));
      process.stdout.write('\\r10 %\\r20 %\\n');
    });
  `,
  'repeat.spec.js': `
    const { test } = require('@playwright/test');
    test('is repeated', async ({}, info) => { if (info.repeatEachIndex === 1) throw new Error('the second time'); });
  `,
  'twice.spec.js': `
    const { test } = require('@playwright/test');
    test('runs in two projects', async ({}, info) => console.log(info.project.name));
  `,
};

/** Lines that two runs of the same print alike: without times, and without what we say. */
function normalised(text) {
  // How often a locator was looked for depends on the time as well, and so does into how many pieces what was written came:
  // Playwright ends each with an empty line.
  const isOurs = (line) => /^runcast: |locator resolved to|unexpected value/.test(line);
  const lines = text.split('\n').filter((line) => line !== '' && !isOurs(line));
  // Node.js names its process in warnings.
  return lines.map((line) => line.replace(/\(?\b\d+(\.\d+)?(ms|s|m)\b\)?/g, 'TIME').replace(/\(node:\d+\)/, '(node)'));
}

module.exports = { CONFIG, FILES, normalised };
