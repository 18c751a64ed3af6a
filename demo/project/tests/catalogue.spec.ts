import { expect, test } from './shop';

test.describe('Catalogue', () => {
  test.beforeEach(async ({ shop, page }) => {
    void shop;
    await page.goto('/');
  });

  test('shows the teas of the season', async ({ page }) => {
    await expect(page.getByRole('heading', { name: 'Teas of the season' })).toBeVisible();
    await expect(page.getByRole('listitem')).toHaveCount(8);
    await expect(page.getByRole('status')).toHaveText('12 teas, page 1 of 2');
  });

  test('turns to the second page', async ({ page }) => {
    await page.getByRole('button', { name: 'Next page' }).click();
    await expect(page.getByRole('status')).toHaveText('12 teas, page 2 of 2');
    await expect(page.getByRole('listitem')).toHaveCount(4);
  });

  test('finds a tea by a part of its name', { tag: '@search' }, async ({ page }) => {
    const search = page.getByRole('searchbox', { name: 'Search' });
    await test.step('with results', async () => {
      await search.fill('oolong');
      await expect(page.getByRole('listitem')).toHaveText(/Mountain Oolong/);
    });
    await test.step('without', async () => {
      await search.fill('coffee');
      await expect(page.getByRole('listitem')).toHaveCount(0);
    });
  });

  test('shows one kind alone', async ({ page }) => {
    for (const [kind, count] of [['herbal', 3], ['white', 2]] as const) {
      await test.step(`${kind} teas`, async () => {
        await page.getByRole('button', { name: kind }).click();
        await expect(page.getByRole('listitem')).toHaveCount(count);
      });
    }
  });

  test('remembers favourites', async () => {
    test.skip(true, 'favourites come with the accounts');
  });
});
