// Ordinary runs, once with the reporter and once without: the same output and exit code, and a log that has all of it.
const assert = require('node:assert/strict');
const { rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { test } = require('node:test');

const { compare } = require('./support/compare.js');
const { CONFIG, FILES, normalised } = require('./support/ordinary.js');
const { project } = require('./support/project.js');

/** Where the environment names Playwright, as in `scripts/test matrix`, it is that one alone. */
const CELLS = [{ playwright: 'newest', node: 'newest' }, { playwright: 'oldest', node: 'own' }];

for (const cell of process.env.RUNCAST_PLAYWRIGHT ? [{}] : CELLS) {
  test(`everything that happens in a run is told: ${Object.values(cell).join(' Playwright, Node.js: ')}`, async (t) => {
    const { server } = await import('../../js/test/support/runcast.js');
    const node = await server(t);
    const { dir, run } = project(t, { files: FILES, config: CONFIG, ...cell });
    const without = await run({ config: 'without' });
    const found = await run({ env: { RUNCAST_URL: node.url } });
    assert.equal(found.code, without.code);
    assert.deepEqual(normalised(found.stdout), normalised(without.stdout));
    assert.deepEqual(normalised(found.stderr), normalised(without.stderr));
    const { compared } = await compare({ url: node.url, report: join(dir, 'blob-report') });
    assert.ok(compared > 300, `${compared} facts`);
    // The state of the run counts as Playwright does.
    const printed = (words) =>
      Number(new RegExp(`(?:^|\\x1b\\[2K)  (\\d+) ${words}`, 'm').exec(found.stdout)?.[1] ?? 0);
    const { outcomes, total } = await node.json('/api/runs/r');
    assert.deepEqual(outcomes, {
      expected: printed('passed'),
      unexpected: printed('failed'),
      flaky: printed('flaky'),
      skipped: printed('skipped') + printed('did not run'),
    });
    assert.equal(total, 32);
  });
}

test('tests that run at the same time are told apart, and the witness sees what the blob report has', async (t) => {
  const { server } = await import('../../js/test/support/runcast.js');
  const node = await server(t);
  const files = {
    'a.spec.js': `
      const { test } = require('@playwright/test');
      for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) {
        test(name, async ({}, info) => {
          await test.step('outer', async () => {
            for (let i = 0; i < 5; i += 1) {
              console.log(name, i);
              await test.step('inner ' + i, () => new Promise((resolve) => setTimeout(resolve, 10)));
            }
            await info.attach(name, { body: name });
          });
          if (name === 'three' && info.retry === 0) throw new Error('once');
        });
      }
    `,
  };
  const config = { fullyParallel: true, workers: 2, retries: 1 };
  const witness = [require.resolve('./support/witness.js'), { file: join(tmpdir(), `witness-${process.pid}.ndjson`) }];
  t.after(() => rmSync(witness[1].file, { force: true }));
  const { dir, run } = project(t, { files, config, others: [witness] });
  const { code, stdout } = await run({ env: { RUNCAST_URL: node.url } });
  assert.equal(code, 0, stdout);
  const { compared, events } = await compare({ url: node.url, report: join(dir, 'blob-report') });
  assert.equal(compared, (await compare({ url: node.url, report: witness[1].file })).compared);
  const slots = new Set(events.filter(({ type }) => type === 'test_status').map(({ data }) => data.slot));
  assert.deepEqual([...slots].sort(), [0, 1]);
  assert.equal(events.find(({ type }) => type === 'worker').slots, 2);
  const state = await node.json('/api/runs/r');
  assert.equal(state.status, 'passed');
  assert.deepEqual(state.outcomes, { expected: 5, unexpected: 0, flaky: 1, skipped: 0 });
});
