const base = require('@playwright/test');
const { expect } = base;

// A worker's fixture, whose end is reported behind that of the worker's last test.
const test = base.test.extend({
  shop: [async ({}, use) => {
    await base.test.step('open the shop', async () => {});
    await use({ windows: process.env.RUNCAST_VARIANT === 'windows' });
    await base.test.step('close the shop', () => new Promise((resolve) => setTimeout(resolve, 100)));
  }, { scope: 'worker', title: 'the shop' }],
});

const page1 = '<h1>Cart</h1><button id="pay" onclick="this.textContent=\'Paid\'">Pay</button><input id="name">';

test.beforeEach(async ({ page }) => { await page.setContent(page1); });

test('pays by card', { tag: ['@smoke', '@checkout'] }, async ({ page, shop }) => {
  await test.step('fill in the form', async () => {
    await test.step('the name', async () => { await page.fill('#name', 'Ada'); });
    await expect(page.locator('#name')).toHaveValue('Ada');
  });
  await test.step('pay', async () => {
    await page.click('#pay');
    await expect(page.locator('#pay')).toHaveText('Paid');
  });
  console.log('paid');
});

test('is flaky', async ({ page, shop }, info) => {
  await test.step('look at the button', async () => {
    await expect(page.locator('#pay'), 'the button').toHaveText(info.retry === 0 ? 'Pay now' : 'Pay');
  });
});

test('always fails', { annotation: { type: 'issue', description: 'https://example.com/issues/7' } }, async ({ page, shop }) => {
  await test.step('outer', async () => {
    await test.step('inner', async () => {
      expect(await page.title()).toBe('Shop');
    });
  });
});

test('fails on Windows alone', async ({ page, shop }) => {
  await expect(page.locator('h1')).toHaveText(shop.windows ? 'Basket' : 'Cart');
});

test.skip('is skipped', async ({ page }) => { await page.click('#pay'); });

test('is skipped while it runs', async ({ page, shop }) => {
  test.skip(true, 'there is no printer');
});

test('fails as expected', async ({ page, shop }) => {
  test.fail(true, 'the total is not rounded yet');
  expect(0.1 + 0.2).toBe(0.3);
});

test('takes too long', async ({ page, shop }, info) => {
  test.setTimeout(1500);
  if (info.retry < 2) await page.click('#nowhere');
});

for (const item of ['tea', 'coffee', 'milk', 'sugar']) {
  test(`adds ${item}`, async ({ page, shop }) => {
    for (let count = 1; count <= 3; count += 1) {
      await test.step(`${item} number ${count}`, async () => { await page.fill('#name', `${item} ${count}`); });
    }
    await expect(page.locator('#name')).toHaveValue(`${item} 3`);
  });
}
