import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'tests',
  workers: 2,
  retries: 1,
  fullyParallel: false,
  timeout: 20_000,
  expect: { timeout: 2_500 },
  reporter: [
    ['line'],
    ['@runcast/playwright', { project: 'teashop', title: 'Vouchers at the checkout', labels: ['demo'] }],
  ],
  use: {
    baseURL: 'https://teashop.example',
    viewport: { width: 720, height: 450 },
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb'],
      // A pace at which people can follow.
      slowMo: 750,
    },
  },
});
