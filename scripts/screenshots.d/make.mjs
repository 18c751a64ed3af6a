// Pictures of the demo's run: while it runs in light, when it has failed in dark, on a phone; and the list.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { launch } from '../../tests/browser/support/browser.js';
import { Node } from '../../tests/browser/support/node.js';

const OUT = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const WIDE = { width: 1400, height: 900 };
const PHONE = { width: 390, height: 844 };

const node = await Node.start({}, ['--demo']);
const browser = await launch();

async function runs(fits) {
  for (;;) {
    const { runs } = await (await fetch(`${node.url}/api/runs`)).json();
    const found = runs.find(fits);
    if (found !== undefined) return found.runId;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function shoot(name, path, viewport, colorScheme, ready) {
  const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: 1 });
  const page = await context.newPage();
  await page.goto(node.url + path);
  await ready(page);
  await page.screenshot({ path: join(OUT, name) });
  await context.close();
  console.log(`docs/images/${name}`);
}

const word = (page, name) => page.getByRole('banner').getByRole('heading', { level: 1, name }).waitFor({ timeout: 120_000 });

try {
  const first = await runs(({ status }) => status === 'running');
  await shoot('run.png', `/runs/${first}`, WIDE, 'light', (page) => word(page, 'FAILING'));
  await shoot('phone.png', `/runs/${first}`, PHONE, 'light', (page) => word(page, /FAIL/));
  const ended = await runs(({ runId, status }) => runId === first && status === 'failed');
  await shoot('run-dark.png', `/runs/${ended}`, WIDE, 'dark', async (page) => {
    await word(page, 'FAILED');
    await page.getByText('Slowest tests').waitFor();
  });
  await shoot('list.png', '/', WIDE, 'light', (page) => page.getByText('FAILED').first().waitFor());
} finally {
  await browser.close();
  await node.stop();
}
