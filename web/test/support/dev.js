// A real server with the pages of src/ in front of it, and a browser. RUNCAST_BIN says which server; else it is the
// build.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const { launch } = await import(`${root}tests/browser/support/browser.js`);
const { Node } = await import(`${root}tests/browser/support/node.js`);

/** Starts all three; `stop` ends them. */
export async function start() {
  const node = await Node.start();
  const front = spawn(process.execPath, [`${root}web/scripts/dev.mjs`], {
    env: { ...process.env, RUNCAST_URL: node.url, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: front.stdout }), 'line');
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)[0];
  const browser = await launch();
  return {
    node,
    url,
    /** A page of a run, and what went wrong on it: errors of the console and of the page, violations of its policy. */
    async open(run, { init, ...options } = {}, query = '') {
      const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
      if (init !== undefined) await context.addInitScript(init); // runs before the page's scripts
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      const faults = [];
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      page.on('pageerror', (error) => faults.push(String(error.stack)));
      await page.goto(`${url}/runs/${run}${query}`);
      return { page, faults };
    },
    async stop() {
      await browser.close();
      front.kill();
      await once(front, 'exit');
      await node.stop();
    },
  };
}

/** What was said, once it is as `wanted` says; a failure shows what it was last. */
export async function eventually(read, wanted, within = 15_000) {
  const until = Date.now() + within;
  for (;;) {
    const value = await read();
    if (wanted(value)) return value;
    if (Date.now() > until) throw new Error(`it stayed ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
