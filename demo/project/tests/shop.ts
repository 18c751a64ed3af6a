import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { test as base, expect, type Page } from '@playwright/test';

import { keepScreen } from './screen';

const SHOP = join(__dirname, '../shop');
const TYPES: Record<string, string> = { html: 'text/html', css: 'text/css', js: 'text/javascript' };
const GREEN = '\x1b[32m';
const CYAN = '\x1b[36m';
const DIM = '\x1b[2m';
const RESET = '\x1b[0m';

/** An order as the shop sends it. */
export interface Order {
  lines: { tea: string; count: number }[];
  discountPercent: number;
  totalCents: number;
  currency: string;
}

/** The shop, which the browser gets from files: there is no server. */
export class Shop {
  readonly orders: Order[] = [];
  /** How long the warehouse takes to answer, in milliseconds. */
  warehouseMs = 120;

  constructor(readonly page: Page) {}

  async open(): Promise<void> {
    await this.page.route('https://teashop.example/**', async (route) => {
      const { pathname } = new URL(route.request().url());
      if (pathname === '/api/orders') {
        this.orders.push(route.request().postDataJSON() as Order);
        return route.fulfill({ status: 201, json: { number: 'JL-2041' } });
      }
      if (pathname === '/api/stock') {
        await new Promise((resolve) => setTimeout(resolve, this.warehouseMs));
        console.log(`${GREEN}✔${RESET} ${CYAN}GET /api/stock${RESET} 200 ${DIM}${this.warehouseMs} ms${RESET}`);
        return route.fulfill({ json: { days: 2 } }).catch(() => {});
      }
      const page = pathname === '/' ? 'index' : pathname.slice(1);
      const name = page.includes('.') ? page : `${page}.html`;
      const body = await readFile(join(SHOP, name)).catch(() => undefined);
      const contentType = TYPES[name.split('.').pop() ?? ''] ?? 'text/plain';
      return body ? route.fulfill({ body, contentType }) : route.fulfill({ status: 404, body: 'not here' });
    });
  }

  /** Puts teas into the cart, by the buttons of the catalogue. */
  async fill(...teas: string[]): Promise<void> {
    await base.step('fill the cart', async () => {
      await this.page.goto('/');
      for (const tea of teas) {
        await base.step(`add ${tea}`, async () => {
          await this.page.getByRole('listitem').filter({ hasText: tea }).getByRole('button').click();
        });
      }
    });
  }
}

export const test = base.extend<{ shop: Shop; pictures: void }>({
  // What demo/record makes the demo's screens from.
  pictures: [
    async ({ page }, use, info) => {
      const dir = process.env['SCREENS'];
      const stop = dir === undefined ? undefined : await keepScreen(page, info, dir);
      await use();
      await stop?.();
    },
    { auto: true, box: true },
  ],
  shop: async ({ page }, use) => {
    const shop = new Shop(page);
    await shop.open();
    await use(shop);
  },
});

export { expect };
