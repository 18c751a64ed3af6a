// Pictures of the demo: its question on a phone; its run in light while a test has failed and another one runs, and in dark
// when it has ended; the list of a passed, a failed and a running one.
import { spawnSync } from 'node:child_process';
import { renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { drawn, launch } from '../../tests/browser/support/browser.js';
import { Node } from '../../tests/browser/support/node.js';

const OUT = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const WIDE = { width: 1400, height: 900 };
const PHONE = { width: 390, height: 844 };
const MOST_BYTES = 200_000;
// The demo plays in real time.
const SOON = { timeout: 120_000 };
// 256 colours are enough for a page with one picture.
const PALETTE = 'split[a][b];[a]palettegen=reserve_transparent=0:stats_mode=single[p];[b][p]paletteuse=dither=none';

const node = await Node.start({}, ['--demo']);
const browser = await launch();

async function open(path, viewport, colorScheme = 'light') {
  const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: 1, reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(node.url + path);
  return page;
}

/** Takes the picture and closes the page. */
async function shoot(page, name) {
  const path = join(OUT, name);
  await page.screenshot({ path, animations: 'disabled' });
  await page.context().close();
  const small = `${path}.small.png`;
  const { status } = spawnSync('ffmpeg', ['-v', 'error', '-y', '-i', path, '-vf', PALETTE, small]);
  if (status === 0) renameSync(small, path);
  const { size } = statSync(path);
  console.log(`docs/images/${name}: ${size} bytes`);
  if (size > MOST_BYTES) throw new Error(`docs/images/${name} is larger than ${MOST_BYTES} bytes`);
}

const word = (page, name) => page.getByRole('banner').getByRole('heading', { level: 1, name }).waitFor(SOON);

try {
  const list = await open('/', WIDE);
  const running = list.getByRole('row', { name: /RUNNING|NEEDS YOU|FAILING/ });
  const path = await running.getByRole('link').first().getAttribute('href', SOON);

  const phone = await open(path, PHONE);
  const run = await open(path, WIDE);
  await word(phone, 'NEEDS YOU');
  await phone.getByRole('button', { name: 'Answer' }).click();
  await phone.getByRole('button', { name: /^2: Last page/ }).waitFor();
  await phone.evaluate(() => Promise.all([...document.images].map((image) => image.decode())));
  await shoot(phone, 'phone.png');
  const answer = { type: 'answer', askId: 'which-next', candidateId: 'next-page' };
  const headers = { 'content-type': 'application/json', 'runcast-user': 'ada' };
  await fetch(`${node.url}/api${path}/commands`, { method: 'POST', headers, body: JSON.stringify(answer) });

  const detail = run.getByRole('complementary', { name: 'Test' });
  await detail.getByRole('heading', { name: 'takes a voucher off once' }).waitFor(SOON);
  await detail.getByText('1847').first().waitFor();
  await detail.getByRole('link', { name: 'Trace', exact: true }).waitFor();
  await run.getByRole('treeitem', { name: /^running Checkout . refuses a voucher that is unknown/ }).waitFor(SOON);
  await drawn(run);
  await shoot(run, 'run.png');

  const ended = await open(path, WIDE, 'dark');
  await word(ended, 'FAILED');
  await ended.getByText('Slowest tests').waitFor();
  await ended.getByRole('complementary', { name: 'Test' }).getByText('1847').first().waitFor();
  await shoot(ended, 'run-dark.png');

  for (const name of [/FAILED/, /PASSED/, /RUNNING/]) await list.getByRole('row', { name }).first().waitFor(SOON);
  await list.getByRole('row', { name: /RUNNING.* [1-9]\d* of 13/ }).waitFor(SOON);
  await shoot(list, 'list.png');
} finally {
  await browser.close();
  await node.stop();
}
