// Servers and networks that fail: the run ends as it would without the reporter, and nothing of its log is missing.
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');

const { compare } = require('./support/compare.js');
const { faulty } = require('./support/faulty.js');
const { eventsOf, project } = require('./support/project.js');
const { normalised, printedCommand, spilled } = require('./support/spill.js');

const CLOCK = require.resolve('./support/clock.js');
const support = import('../../js/test/support/runcast.js');

/** Tests of which some fail. They wait for each file that `GATES` names, in order: the test of the reporter makes them. */
const SHOP = `
  const { test, expect } = require('@playwright/test');
  const { existsSync } = require('node:fs');
  const gate = async (name) => {
    console.log('before ' + name);
    while ((process.env.GATES ?? '').includes(name) && !existsSync(name)) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  test('a cart is filled', async ({ page }) => {
    await page.setContent('<button onclick="document.title = 1">Add</button>');
    await test.step('add', () => page.getByRole('button', { name: 'Add' }).click());
    await expect(page).toHaveTitle('1');
    await gate('first');
  });
  test('is flaky', async ({ page }, { retry }) => {
    await page.setContent('<p>' + retry + '</p>');
    await expect(page.locator('p')).toHaveText('1', { timeout: 50 });
  });
  test.skip('is skipped', () => {});
  test('writes much', async () => {
    // It does not become smaller by compression.
    const { createHash } = require('node:crypto');
    for (let line = 0; line < 120; line += 1) {
      let text = '';
      for (let part = 0; part < 70; part += 1) text += createHash('sha256').update(line + ' ' + part).digest('base64') + '\\n';
      console.error(text);
    }
    await gate('second');
  });
  test('fails', async ({}, info) => {
    await info.attach('note', { body: 'some words' });
    console.log('at the end');
    expect.soft([1, 2]).toEqual([1, 3]);
    expect(1).toBe(2);
  });
`;

/** A project with these tests. */
function shop(t, options = {}) {
  const made = project(t, { files: { 'shop.spec.js': SHOP }, config: { retries: 1, workers: 1 }, ...options });
  made.clock = () => JSON.parse(readFileSync(join(made.dir, 'clock.json'), 'utf8'));
  return made;
}

/** How the run ends without the reporter. */
let without;
async function bare(t) {
  without ??= shop(t).run({ config: 'without' });
  const { code, stdout, stderr } = await without;
  return { code, stdout: normalised(stdout), stderr: normalised(stderr) };
}

/** The run ended as it would without the reporter, which said these things. */
async function assertUnharmed(t, { code, signal, stdout, stderr }, ...said) {
  assert.deepEqual({ code, stdout: normalised(stdout), stderr: normalised(stderr) }, await bare(t), signal ?? undefined);
  const lines = stderr.split('\n').filter((line) => line.startsWith('runcast: '));
  assert.equal(lines.length, said.length, lines.join('\n'));
  said.forEach((what, index) => assert.match(lines[index], what));
}

/** Posts what a run has spilled by the command that it printed. */
async function post(stderr, url) {
  const { runcast } = await support;
  const command = printedCommand(stderr);
  assert.ok(command, 'a command is printed');
  const { code, stderr: told } = await runcast(...(command.includes('--url') ? command : [...command, '--url', url]));
  assert.equal(code, 0, told);
}

async function freePort() {
  const { fake } = await import('../../js/test/support/servers.js');
  const started = await fake({ after() {} }, () => {});
  started.close();
  return started.port;
}

test('nobody is there: one warning, a file, and a command by which the log is complete later', async (t) => {
  const made = shop(t, { others: [[CLOCK, { file: 'clock.json' }]] });
  const port = await freePort();
  const result = await made.run({ env: { RUNCAST_URL: `http://127.0.0.1:${port}` } });
  await assertUnharmed(t, result, /\/runs\/r$/, /refused the connection/, /could not be posted/);
  const { onEnd, onExit } = made.clock();
  t.diagnostic(`onEnd ${Math.round(onEnd)} ms, onExit ${Math.round(onExit)} ms`);
  assert.ok(onExit < 10_000, `2 s and not endTimeoutSecs: ${onExit}`);
  const node = await (await support).server(t);
  await post(result.stderr, node.url);
  await compare({ url: node.url, report: join(made.dir, 'blob-report'), attachments: false });
});

test('a server that fails, stalls, takes little at a time, and connections that break', async (t) => {
  const node = await (await support).server(t);
  const faults = [500, 503, 'cut', 'cut answer', 'stall', 429, 'cut', 'cut answer'];
  const front = await faulty(t, () => node.url, (request, n) => {
    if (n > 0 && Number(request.headers['content-length']) > 65_536) return { status: 413, body: '<h1>413</h1>' };
    const fault = faults[n - 1];
    if (fault === 'stall') return { stallMs: 3_000 };
    return typeof fault === 'number' ? { status: fault, headers: { 'retry-after': '0' } } : fault;
  });
  const made = shop(t);
  const { eventually } = await support;
  const result = await made.run({
    env: { RUNCAST_URL: front.url, GATES: 'second' },
    async started() {
      await eventually(() => front.count['413'] > 0 && front.count.none > 2, 60_000);
      writeFileSync(join(made.dir, 'second'), '');
    },
  });
  await assertUnharmed(t, result, /\/runs\/r$/, /500/);
  assert.deepEqual([front.count.cut, front.count['cut answer'], front.count.stall], [2, 2, 1]);
  await compare({ url: node.url, report: join(made.dir, 'blob-report'), attachments: false });
});

test('a server that is killed and restarted in the middle: nothing is missing, nothing is doubled', async (t) => {
  const { eventually, server } = await support;
  const node = await server(t);
  const made = shop(t);
  const isStored = async () => (await eventsOf(node.url)).some(({ text }) => text?.includes('before first'));
  const result = await made.run({
    env: { RUNCAST_URL: node.url, GATES: 'first second' },
    async started(_, out) {
      await eventually(isStored, 60_000);
      await node.kill();
      writeFileSync(join(made.dir, 'first'), '');
      await eventually(() => out.stdout.includes('before second'), 60_000);
      await node.start();
      writeFileSync(join(made.dir, 'second'), '');
    },
  });
  await assertUnharmed(t, result, /\/runs\/r$/, /refused the connection/);
  await compare({ url: node.url, report: join(made.dir, 'blob-report'), attachments: false });
});

test('a server that takes no events from us: one warning says what to do, and the end does not wait', async (t) => {
  const node = await (await support).server(t);
  const front = await faulty(t, () => node.url, () => ({ status: 401, headers: { 'www-authenticate': 'Bearer' } }));
  const made = shop(t, { others: [[CLOCK, { file: 'clock.json' }]], reporter: { endTimeoutSecs: 60 } });
  const result = await made.run({ env: { RUNCAST_URL: front.url } });
  await assertUnharmed(t, result, /\/runs\/r$/, /401.*RUNCAST_TOKEN/, /could not be posted/);
  const { onExit } = made.clock();
  t.diagnostic(`onExit ${Math.round(onExit)} ms`);
  assert.ok(onExit < 20_000, String(onExit));
  await post(result.stderr, node.url);
  await compare({ url: node.url, report: join(made.dir, 'blob-report'), attachments: false });
});

test('a server that stops to answer: the end waits once, and other reporters not at all', async (t) => {
  const node = await (await support).server(t);
  let isSilent = false;
  const front = await faulty(t, () => node.url, () => (isSilent ? 'hang' : undefined));
  const made = shop(t, { others: [[CLOCK, { file: 'clock.json' }]], reporter: { endTimeoutSecs: 4 } });
  const { eventually } = await support;
  const result = await made.run({
    env: { RUNCAST_URL: front.url, GATES: 'first' },
    async started() {
      await eventually(() => front.count.none > 0, 60_000);
      isSilent = true;
      writeFileSync(join(made.dir, 'first'), '');
    },
  });
  await assertUnharmed(t, result, /\/runs\/r$/, /could not be posted/);
  const { onEnd, onExit } = made.clock();
  t.diagnostic(`onEnd ${Math.round(onEnd)} ms, onExit ${Math.round(onExit)} ms`);
  assert.ok(onEnd < 3_500, `onEnd of all reporters: ${onEnd}`);
  assert.ok(onExit > 3_900 && onExit < 7_500, `onExit: ${onExit}`);
  await post(result.stderr, node.url);
  await compare({ url: node.url, report: join(made.dir, 'blob-report'), attachments: false });
});

test('by a proxy that the environment names; without it the name means nothing', async (t) => {
  const { proxy } = await import('../../js/test/support/servers.js');
  const node = await (await support).server(t);
  const way = await proxy(t);
  const made = shop(t);
  const url = `http://runcast.test:${new URL(node.url).port}`;
  const reached = await made.run({ env: { RUNCAST_URL: url, HTTP_PROXY: way.url } });
  await assertUnharmed(t, reached, /\/runs\/r$/);
  assert.ok(way.asked.length > 0);
  await compare({ url: node.url, report: join(made.dir, 'blob-report'), attachments: false });
  const asked = way.asked.length;
  const alone = await made.run({ env: { RUNCAST_URL: url, RUNCAST_RUN: 'alone', HTTP_PROXY: way.url, NO_PROXY: '.test' } });
  await assertUnharmed(t, alone, /\/runs\/alone$/, /can't be found/, /could not be posted/);
  assert.equal(way.asked.length, asked);
});

/** Whether a small file system can be mounted here. */
const isMountable = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true']).status === 0;

test('a file that can not be written, and a disk that is full: one line', async (t) => {
  const made = shop(t);
  const kept = join(made.dir, '.runcast');
  const url = `http://127.0.0.1:${await freePort()}`;
  writeFileSync(kept, 'no directory');
  const result = await made.run({ env: { RUNCAST_URL: url } });
  await assertUnharmed(t, result, /\/runs\/r$/, /refused/, /could not be posted/);
  if (!isMountable) return;
  rmSync(kept);
  mkdirSync(kept);
  const wrap = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', `mount -t tmpfs -o size=64k none '${kept}' && exec "$@"`, 'sh'];
  const full = await made.run({ env: { RUNCAST_URL: url }, wrap });
  await assertUnharmed(t, full, /\/runs\/r$/, /refused/, /could not be posted/);
  assert.deepEqual(spilled(made.dir), []);
});
