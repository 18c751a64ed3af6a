const { defineConfig } = require('@playwright/test');

const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

module.exports = defineConfig({
  testDir: './tests',
  fullyParallel: true,
  retries: 2,
  workers: 2,
  timeout: 4000,
  expect: { timeout: 500 },
  reporter: [['./reporter.js']],
  projects: [{ name: 'chromium' }],
  use: { launchOptions: { executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: flags } },
});
