// The projects that are measured: what Playwright and the reporter cost is in them, and little else.
const { join } = require('node:path');

const METER = join(__dirname, 'meter.js');

/**
 * Tests without a browser, each with `steps` steps, two of which are Playwright's own. `pad`: characters of a step's
 * title. Their worker looks for no places in the code, which would take most of its time.
 */
function plain({ tests, steps, pad = 0 }) {
  const title = `look at shelf ${'x'.repeat(pad)}`;
  return { 'a.spec.js': `
    const { test } = require('@playwright/test');
    Error.prepareStackTrace = () => '';
    const location = { file: __filename, line: 7, column: 1 };
    for (let number = 0; number < ${tests}; number += 1) {
      test('counts shelf ' + number, async () => {
        for (let step = 0; step < ${steps - 2}; step += 1) await test.step('${title} ' + step, () => {}, { location });
      });
    }` };
}

/** Tests in Chromium: pages, clicks, fields, expectations, output. */
function browser({ tests }) {
  return { 'a.spec.js': `
    const { expect, test } = require('@playwright/test');
    const PAGE = '<h1>Teas</h1><input aria-label="Search"><b id="n">0</b>' +
      '<button onclick="n.textContent = +n.textContent + 1">Add</button>';
    for (let number = 0; number < ${tests}; number += 1) {
      test('buys tea ' + number, async ({ page }) => {
        await page.setContent(PAGE);
        for (let times = 1; times <= 10; times += 1) {
          await test.step('add another one', async () => {
            await page.getByRole('button', { name: 'Add' }).click();
            await expect(page.locator('#n')).toHaveText(String(times));
          });
        }
        await page.getByLabel('Search').fill('sencha');
        await expect(page.getByLabel('Search')).toHaveValue('sencha');
        console.log('bought ' + number);
      });
    }` };
}

/** The configuration that has the meter as its only reporter; `options` are those of ours. */
function metered(out, { workers = 1, ...options } = {}) {
  return { workers, fullyParallel: true, reporter: [[METER, { ...options, out }]] };
}

module.exports = { browser, metered, plain };
