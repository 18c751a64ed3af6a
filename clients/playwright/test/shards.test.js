// Several processes that are one run: shards, projects and the jobs of a matrix.
const assert = require('node:assert/strict');
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');

const { compare } = require('./support/compare.js');
const { eventsOf, project } = require('./support/project.js');

const support = import('../../js/test/support/runcast.js');

/** Some tests wait for a file if `GATED` is set. */
const files = Object.fromEntries(
  ['one', 'two'].map((name) => [
    `${name}.spec.js`,
    `
    const { test, expect } = require('@playwright/test');
    const { existsSync } = require('node:fs');
    test('${name} begins', async () => { await test.step('a step', () => {}); });
    test('${name} goes on', async () => {
      console.log('it goes on');
      while (process.env.GATED && !existsSync('gate')) await new Promise((resolve) => setTimeout(resolve, 20));
    });
    `,
  ]),
);
files['browser.spec.js'] = `
  const { test, expect } = require('@playwright/test');
  test('a page', async ({ page }) => { await page.setContent('<p>a</p>'); await expect(page.locator('p')).toHaveText('a'); });
`;
const projects = [{ name: 'desktop' }, { name: 'mobile' }];

/** As many directories with the same project, since each run empties its output. */
function copies(t, count, config) {
  return Array.from({ length: count }, () => project(t, { files, config: { workers: 1, timeout: 0, ...config } }));
}

const report = ({ dir }) => join(dir, 'blob-report');
const sorted = (list) => list.toSorted((a, b) => a.variant.localeCompare(b.variant));
const state = async (node) => node.json('/api/runs/r');

test('two shards with two projects each are one run, which one of them joins late, is killed, and begins anew', async (t) => {
  const { eventually, server } = await support;
  const node = await server(t);
  const [first, second] = copies(t, 2, { projects });
  const env = { RUNCAST_URL: node.url, RUNCAST_VARIANT: 'linux' };
  const args = (number) => [`--shard=${number}/2`];
  let last;
  // The first one has a test open while the second one comes and goes.
  const told = await first.run({
    env: { ...env, GATED: 'yes' },
    args: args(1),
    async started(_, out) {
      await eventually(() => out.stdout.includes('it goes on'), 60_000);
      await eventually(async () => (await state(node)).shards[0]?.missing?.length === 1);
      const killed = await second.run({
        env: { ...env, GATED: 'yes' },
        args: args(2),
        async started(child, out) {
          await eventually(() => out.stdout.includes('it goes on'), 60_000);
          await eventually(async () => (await state(node)).shards[0].joined === 2);
          child.kill('SIGKILL');
        },
      });
      assert.equal(killed.signal, 'SIGKILL');
      last = (await eventsOf(node.url)).at(-1).seq;
      const again = await second.run({ env, args: args(2) });
      assert.equal(again.code, 0, again.stdout);
      // The run waits for the first one, whatever the second one has posted before it had joined.
      const now = await state(node);
      assert.deepEqual([now.status, now.shards[0].joined, now.shards[0].waiting], ['running', 2, false]);
      const statuses = (await eventsOf(node.url)).filter(({ type }) => type === 'run_status').map(({ status }) => status);
      assert.deepEqual(statuses, ['queued', 'running', 'queued', 'running', 'queued', 'running', 'passed']);
      writeFileSync(join(first.dir, 'gate'), '');
    },
  });
  assert.equal(told.code, 0, told.stdout);
  const ended = await eventually(async () => {
    const now = await state(node);
    return now.status === 'passed' && now;
  });
  assert.deepEqual([ended.total, ended.counts.passed, ended.outcomes.expected], [10, 10, 10]);
  await compare({ url: node.url, report: report(first), attachments: false });
  await compare({ url: node.url, report: report(second), attachments: false, after: last });
  const planned = (await eventsOf(node.url)).filter(({ type }) => type === 'test_plan').flatMap(({ tests }) => tests);
  assert.equal(new Set(planned.map(({ testId }) => testId)).size, 10);
});

test('four processes at once: two shards in two jobs of a matrix', async (t) => {
  const { eventually, server } = await support;
  const node = await server(t);
  const made = copies(t, 4, { projects });
  const jobs = made.map((each, index) => ({
    each, variant: index < 2 ? 'node20' : 'node22', args: [`--shard=${(index % 2) + 1}/2`],
  }));
  const env = { RUNCAST_URL: node.url };
  const ended = await Promise.all(jobs.map(({ each, variant, args }) => each.run({ env: { ...env, RUNCAST_VARIANT: variant }, args })));
  assert.deepEqual(ended.map(({ code }) => code), [0, 0, 0, 0]);
  const now = await eventually(async () => {
    const now = await state(node);
    return now.status === 'passed' && now;
  });
  assert.deepEqual([now.total, now.counts.passed], [20, 20]);
  assert.deepEqual(sorted(now.shards).map(({ variant, total, joined, missing, waiting }) => [variant, total, joined, missing, waiting]), [
    ['node20', 2, 2, [], false],
    ['node22', 2, 2, [], false],
  ]);
  assert.deepEqual(sorted(now.variants).map(({ variant, counts }) => [variant, counts.passed]), [['node20', 10], ['node22', 10]]);
  for (const { each, variant } of jobs) await compare({ url: node.url, report: report(each), variant, attachments: false });
});

test('two processes of one name are two variants', async (t) => {
  const { eventually, server } = await support;
  const node = await server(t);
  const [first, second] = copies(t, 2);
  const env = { RUNCAST_URL: node.url, RUNCAST_VARIANT: 'linux', GATED: 'yes' };
  const told = await first.run({
    env,
    async started(_, out) {
      await eventually(() => out.stdout.includes('it goes on'), 60_000);
      assert.equal((await second.run({ env: { ...env, GATED: '' } })).code, 0);
      writeFileSync(join(first.dir, 'gate'), '');
    },
  });
  assert.equal(told.code, 0, told.stdout);
  await eventually(async () => (await state(node)).status === 'passed');
  for (const [made, variant] of [[first, 'linux'], [second, 'linux#2']]) {
    await compare({ url: node.url, report: report(made), variant, attachments: false });
  }
});
