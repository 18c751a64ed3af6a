import { expect, test } from './shop';

test.describe('Cart', () => {
  test.beforeAll(() => {
    console.log('\x1b[1mwarehouse\x1b[0m \x1b[33mstand-in\x1b[0m answers for \x1b[4mteashop.example/api/stock\x1b[0m');
  });

  test.afterEach(async ({ page }) => {
    await page.evaluate(() => sessionStorage.clear());
  });

  test('counts what is added', async ({ shop, page }) => {
    await shop.fill('Garden Mint', 'Morning Sencha');
    await expect(page.getByTestId('count')).toHaveText('2');
  });

  test('says when it arrives', async ({ shop, page }) => {
    // The warehouse is slow when it is asked for the first time.
    if (test.info().retry === 0 && !process.env['WARM']) shop.warehouseMs = 4_000;
    await shop.fill('White Peony');
    await page.goto('/cart');
    await expect(page.getByTestId('stock')).toHaveText('Everything is here: it arrives in 2 days.');
  });

  test('adds up the amounts', async ({ shop, page }) => {
    await shop.fill('Juniper Chai');
    await page.goto('/cart');
    await page.getByRole('button', { name: 'More Juniper Chai' }).click();
    await page.getByRole('button', { name: 'More Juniper Chai' }).click();
    await expect(page.getByTestId('total')).toHaveText('28.50 €');
  });

  test('is empty again', async ({ shop, page }) => {
    await shop.fill('Garden Mint');
    await page.goto('/cart');
    await page.getByRole('button', { name: 'Less Garden Mint' }).click();
    await expect(page.getByLabel('Cart')).toContainText('Your cart is empty');
  });
});
