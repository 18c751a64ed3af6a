// The client in Chromium: as a module of a page, and in a worker.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { eventually, numbered, Server } from './support/server.js';

const { chromium } = createRequire(new URL('../../../tests/browser/package.json', import.meta.url))('playwright-core');
const ROOT = new URL('..', import.meta.url);
const { imports } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
const WORKER = `
import { connect } from '/dist/index.js';
onmessage = async ({ data: { url, run } }) => {
  for await (const { n } of connect({ url }).run(run).watch()) postMessage(n);
};`;

let site, server, browser;
const range = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

// Serves the package with `#...` resolved for browsers, as bundlers do.
function serve(request, response) {
  const path = new URL(request.url, 'http://x').pathname;
  if (path === '/') return response.setHeader('content-type', 'text/html').end('<!doctype html><title>client</title>');
  response.setHeader('content-type', 'text/javascript');
  if (path === '/worker.js') return response.end(WORKER);
  if (!/^\/dist\/(?:[\w-]+\/)*[\w-]+\.js$/.test(path)) return response.writeHead(404).end();
  const source = readFileSync(new URL(path.slice(1), ROOT), 'utf8');
  response.end(source.replace(/(from|import\() ?'(#[\w-]+)'/g, (_, word, name) => `${word} '/${imports[name].default.slice(2)}'`));
}

before(async () => {
  site = createServer(serve).listen(0, '127.0.0.1');
  await once(site, 'listening');
  site.origin = `http://127.0.0.1:${site.address().port}`;
  server = await Server.start({ RUNCAST__SERVER__ALLOWED_ORIGINS: site.origin, RUNCAST__HEARTBEAT__PING_SECS: '1' });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
});

after(async () => {
  await browser?.close();
  await server?.stop();
  site.closeAllConnections();
  site.close();
});

// A page that watches a run: `seen` are the numbers of its events, `told` its statuses.
async function open(run, options = {}) {
  const page = await (await browser.newContext()).newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  await page.goto(site.origin);
  await page.evaluate(async ({ url, run, options }) => {
    const { connect } = await import('/dist/index.js');
    const watch = connect({ url }).run(run).watch(options);
    Object.assign(window, { watch, seen: [], told: [], slow: false });
    watch.addEventListener('status', ({ detail }) => window.told.push(detail.status));
    void (async () => {
      for await (const { n } of watch) {
        window.seen.push(n);
        while (window.slow && window.seen.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
  }, { url: server.url, run, options });
  return page;
}

const seen = (page) => page.evaluate(() => window.seen);
const status = (page) => page.evaluate(() => window.watch.status);

test('a page survives being frozen while the server restarts, and times without any message', async () => {
  await server.post('frozen', numbered(1, 10));
  const page = await open('frozen');
  await eventually(async () => (await seen(page)).length === 10);
  const quietUntil = Date.now() + 3_500; // the server pings each second, which a page does not see
  await eventually(() => Date.now() > quietUntil);
  assert.deepEqual(await page.evaluate(() => window.told.filter((status) => status === 'reconnecting')), []);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
  await server.post('frozen', numbered(11, 20));
  await server.end('SIGKILL');
  await server.restart();
  await server.post('frozen', numbered(21, 30));
  await devtools.send('Page.setWebLifecycleState', { state: 'active' });
  await eventually(async () => (await seen(page)).length >= 30);
  await server.post('frozen', numbered(31, 35));
  await eventually(async () => (await seen(page)).length >= 35);
  assert.deepEqual(await seen(page), range(1, 35));
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('a page that is seen again, or whose network is back, tries at once', async () => {
  const page = await open('hidden');
  await eventually(async () => (await status(page)) === 'live');
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' });
    // As in a hidden tab: what is to happen later happens hardly ever.
    const { setTimeout } = window;
    window.setTimeout = (callback, ms) => setTimeout(callback, ms * 1000);
  });
  await server.end('SIGKILL');
  await eventually(async () => (await status(page)) === 'reconnecting');
  await server.restart();
  await server.post('hidden', numbered(1, 3));
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'visible' });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await eventually(async () => (await seen(page)).length === 3);
  await page.context().close();
});

test('an iterator of a page that is not read is opened anew by its cursor, and loses nothing', async () => {
  const text = 'x'.repeat(1_000);
  for (let first = 1; first <= 20_000; first += 2_500) {
    await server.post('slow', numbered(first, first + 2_499).map((event) => ({ ...event, text })));
  }
  const page = await open('slow');
  await page.evaluate(() => (window.slow = true));
  await eventually(async () => (await page.evaluate(() => window.watch.behind)) > 10_000);
  await eventually(async () => (await (await fetch(`${server.url}/api/runs/slow/viewers`)).json()).viewers === 0);
  await page.evaluate(() => (window.slow = false));
  await eventually(async () => (await page.evaluate(() => window.seen.length)) >= 20_000, 40_000);
  assert.deepEqual(await seen(page), range(1, 20_000));
  await page.context().close();
});

test('a worker watches as well', async () => {
  await server.post('worker', numbered(1, 5));
  const page = await (await browser.newContext()).newPage();
  await page.goto(site.origin);
  await page.evaluate((message) => {
    window.seen = [];
    const worker = new Worker('/worker.js', { type: 'module' });
    worker.onmessage = ({ data }) => window.seen.push(data);
    worker.onerror = (event) => window.seen.push(event.message);
    worker.postMessage(message);
  }, { url: server.url, run: 'worker' });
  await eventually(async () => (await seen(page)).length >= 5);
  await server.post('worker', numbered(6, 8));
  await eventually(async () => (await seen(page)).length >= 8);
  assert.deepEqual(await seen(page), range(1, 8));
  await page.context().close();
});
