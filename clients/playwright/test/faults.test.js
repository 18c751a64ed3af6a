// Servers and networks that fail: the run ends as it would without the reporter, and nothing of its log is missing.
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');

const { compare } = require('./support/compare.js');
const { faulty } = require('./support/faulty.js');
const { eventsOf, project } = require('./support/project.js');
const { normalised, postSpilled, spilled } = require('./support/spill.js');

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
    expect(await page.textContent('p')).toBe('1');
  });
  test.skip('is skipped', () => {});
  test('writes much', async () => {
    // It does not become smaller by compression.
    const { createHash } = require('node:crypto');
    for (let line = 0; line < 65; line += 1) {
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

const LINK = /^runcast: watch this run at /;
/** What is said at the end of a run that could not be posted. */
const KEPT = [/^runcast: events .*: runcast publish /, /^runcast: attachments .*: runcast upload /];
const LOST = /^runcast: \d+ events could not be posted, nor written/;
const RERUN = /^runcast: to run the failed tests again: /;

/** A project with these tests. */
function shop(t, options = {}) {
  const made = project(t, { files: { 'shop.spec.js': SHOP }, config: { retries: 1, workers: 1, timeout: 0 }, ...options });
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
async function assertUnharmed(t, { code, stdout, stderr }, ...said) {
  assert.deepEqual({ code, stdout: normalised(stdout), stderr: normalised(stderr) }, await bare(t));
  const lines = stderr.split('\n').filter((line) => line.startsWith('runcast: '));
  const wanted = [...said, RERUN];
  assert.equal(lines.length, wanted.length, lines.join('\n'));
  for (const what of wanted) assert.equal(lines.filter((line) => what.test(line)).length, 1, `${what}:\n${lines.join('\n')}`);
}

test('nobody is there: one warning, a file, and a command by which the log is complete later', async (t) => {
  const made = shop(t, { others: [[CLOCK, { file: 'clock.json' }]], reporter: { endTimeoutSecs: 60 } });
  const node = await (await support).server(t);
  await node.kill();
  const result = await made.run({ env: { RUNCAST_URL: node.url } });
  await assertUnharmed(t, result, LINK, /refused the connection/, ...KEPT);
  const { onEnd, onExit } = made.clock();
  t.diagnostic(`onEnd ${Math.round(onEnd)} ms, onExit ${Math.round(onExit)} ms`);
  assert.ok(onExit < 40_000, `2 s and not endTimeoutSecs: ${onExit}`);
  await node.start();
  await postSpilled(made, result.stderr);
  await compare({ url: node.url, report: join(made.dir, 'blob-report'), attachments: false });
});

test('a server that fails, stalls, takes little at a time, and connections that break', async (t) => {
  const node = await (await support).server(t);
  const { eventually } = await support;
  let writes;
  // Meanwhile so much is written that the next request is a large one.
  const hasWritten = new Promise((resolve) => (writes = resolve));
  const stall = { until: new Promise((resolve) => setTimeout(resolve, 3_000)) };
  const status = (status) => ({ status, headers: { 'retry-after': '0' } });
  const faults = [status(500), 'cut', undefined, 'cut answer', status(429), undefined, status(503), 'cut', { until: hasWritten }];
  const front = await faulty(t, () => node.url, (request, n) => {
    if (n > 0 && Number(request.headers['content-length']) > 65_536) return { status: 413, body: '<h1>413</h1>' };
    return n > 0 ? faults[n - 1] : undefined;
  });
  const made = shop(t);
  const result = await made.run({
    env: { RUNCAST_URL: front.url, GATES: 'second' },
    async started(_, out) {
      await eventually(() => out.stdout.includes('before second'), 60_000);
      writes(stall.until);
      await eventually(() => front.count['413'] > 0 && front.count.none > 3, 60_000);
      writeFileSync(join(made.dir, 'second'), '');
    },
  });
  await assertUnharmed(t, result, LINK, /500/);
  assert.deepEqual([front.count.cut, front.count['cut answer'], front.count.stall], [2, 1, 1]);
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
      // Something was to be posted meanwhile.
      await eventually(() => out.stderr.includes('refused the connection'), 60_000);
      await node.start();
      writeFileSync(join(made.dir, 'second'), '');
    },
  });
  await assertUnharmed(t, result, LINK, /refused the connection/);
  await compare({ url: node.url, report: join(made.dir, 'blob-report'), attachments: false });
});

test('a server that takes no events from us: one warning says what to do, and the end does not wait', async (t) => {
  const node = await (await support).server(t);
  const front = await faulty(t, () => node.url, () => ({ status: 401, headers: { 'www-authenticate': 'Bearer' } }));
  const made = shop(t, { others: [[CLOCK, { file: 'clock.json' }]], reporter: { endTimeoutSecs: 60 } });
  const result = await made.run({ env: { RUNCAST_URL: front.url } });
  await assertUnharmed(t, result, LINK, /401.*RUNCAST_TOKEN/, ...KEPT);
  const { onExit } = made.clock();
  t.diagnostic(`onExit ${Math.round(onExit)} ms`);
  assert.ok(onExit < 40_000, String(onExit));
  await postSpilled(made, result.stderr, node.url);
  await compare({ url: node.url, report: join(made.dir, 'blob-report'), attachments: false });
});

test('a request that is not answered for 30 s is posted again, and the run does not wait for it', async (t) => {
  const { eventually, server } = await support;
  const node = await server(t);
  const front = await faulty(t, () => node.url, (_, n) => (n === 2 ? 'hang' : undefined));
  const made = shop(t);
  const result = await made.run({
    env: { RUNCAST_URL: front.url, GATES: 'second' },
    async started(_, out) {
      await eventually(() => out.stdout.includes('before second') && front.count.hang === 1, 60_000);
      t.diagnostic('the tests went on meanwhile');
      await eventually(async () => (await eventsOf(node.url)).some(({ text }) => text?.includes('before second')), 90_000);
      writeFileSync(join(made.dir, 'second'), '');
    },
  });
  await assertUnharmed(t, result, LINK, /showed no sign of life for 30 s/);
  await compare({ url: node.url, report: join(made.dir, 'blob-report'), attachments: false });
});

test('a server that stops to answer: the end waits once, and other reporters not at all', async (t) => {
  const node = await (await support).server(t);
  let isSilent = false;
  const front = await faulty(t, () => node.url, () => (isSilent ? 'hang' : undefined));
  const made = shop(t, { others: [[CLOCK, { file: 'clock.json' }]], reporter: { endTimeoutSecs: 10 } });
  const { eventually } = await support;
  const result = await made.run({
    env: { RUNCAST_URL: front.url, GATES: 'first' },
    async started() {
      await eventually(() => front.count.none > 0, 60_000);
      isSilent = true;
      writeFileSync(join(made.dir, 'first'), '');
    },
  });
  await assertUnharmed(t, result, LINK, ...KEPT);
  const { onEnd, onExit } = made.clock();
  t.diagnostic(`onEnd ${Math.round(onEnd)} ms, onExit ${Math.round(onExit)} ms`);
  // Half of the limit, and less than twice the limit: on a busy machine, too.
  assert.ok(onEnd < 5_000, `onEnd of all reporters: ${onEnd}`);
  assert.ok(onExit > 9_900 && onExit < 19_000, `onExit: ${onExit}`);
  await postSpilled(made, result.stderr, node.url);
  await compare({ url: node.url, report: join(made.dir, 'blob-report'), attachments: false });
});

test('by a proxy that the environment names; without it the name means nothing', async (t) => {
  const { proxy } = await import('../../js/test/support/servers.js');
  const node = await (await support).server(t, { SERVER__ALLOWED_HOSTS: 'runcast.test' });
  const way = await proxy(t);
  const made = shop(t);
  const url = `http://runcast.test:${new URL(node.url).port}`;
  const reached = await made.run({ env: { RUNCAST_URL: url, HTTP_PROXY: way.url } });
  await assertUnharmed(t, reached, LINK);
  // Chromium asks it for something now and then.
  const asked = () => way.asked.filter((line) => line.includes('runcast.test')).length;
  const before = asked();
  assert.ok(before > 0);
  await compare({ url: node.url, report: join(made.dir, 'blob-report'), attachments: false });
  const alone = await made.run({ env: { RUNCAST_URL: url, RUNCAST_RUN: 'alone', HTTP_PROXY: way.url, NO_PROXY: '.test' } });
  await assertUnharmed(t, alone, LINK, /can't be found/, ...KEPT);
  assert.equal(asked(), before);
});

/** Whether a small file system can be mounted here. */
const isMountable = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true']).status === 0;

test('a file that can not be written, and a disk that is full: it is said, and no half of a file stays', async (t) => {
  const made = shop(t, { reporter: { attachments: false } });
  const kept = join(made.dir, '.runcast');
  const node = await (await support).server(t);
  await node.kill();
  writeFileSync(kept, 'no directory');
  const result = await made.run({ env: { RUNCAST_URL: node.url } });
  await assertUnharmed(t, result, LINK, /refused the connection/, LOST);
  if (!isMountable) return;
  rmSync(kept);
  mkdirSync(kept);
  const wrap = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'];
  wrap.push(`mount -t tmpfs -o size=64k none '${kept}' && "$@"; code=$?; find '${kept}' -name '*.ndjson'; exit $code`, 'sh');
  const full = await made.run({ env: { RUNCAST_URL: node.url }, wrap });
  await assertUnharmed(t, full, LINK, /refused the connection/, LOST);
});
