// Runs that do not begin, or end early: the same output and exit code as without the reporter, and a log that says why.
const assert = require('node:assert/strict');
const { rmSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');

const { compare } = require('./support/compare.js');
const { normalised } = require('./support/ordinary.js');
const { project } = require('./support/project.js');

const PASSES = `
  const { test } = require('@playwright/test');
  test('passes', async () => {});
`;
const NEVER_ENDS = `
  const { test } = require('@playwright/test');
  test('never ends', async ({}, info) => {
    require('node:fs').writeFileSync(info.config.rootDir + '/began', '');
    await test.step('waits', () => new Promise(() => {}));
  });
  test('never begins', async () => {});
`;
/** Fails as soon as another test runs. */
const FAILS = `
  const { existsSync } = require('node:fs');
  const { test } = require('@playwright/test');
  test('fails', async ({}, info) => {
    while (!existsSync(info.config.rootDir + '/began')) await new Promise((resolve) => setTimeout(resolve, 20));
    throw new Error('no');
  });
`;

const RUNS = {
  'a file that does not load': {
    files: { 'a.spec.js': PASSES, 'b.spec.js': 'const nothing = require("./nothing.js");' },
    status: 'failed',
    error: /Cannot find module '.\/nothing.js'/,
    versions: ['newest', 'oldest'],
  },
  'no tests': { files: { 'a.spec.js': PASSES }, args: ['other.spec.js'], status: 'failed', error: /No tests found/ },
  'a global set-up that fails': {
    files: { 'a.spec.js': PASSES, 'setup.js': 'module.exports = async () => { throw new Error("no database"); };' },
    config: { globalSetup: './tests/setup.js' },
    status: 'failed',
    error: /no database/,
    versions: ['newest', 'oldest'],
  },
  'a global teardown that fails': {
    files: {
      'a.spec.js': PASSES,
      'teardown.js': 'module.exports = async () => { throw new Error("still running"); };',
    },
    config: { globalTeardown: './tests/teardown.js' },
    status: 'failed',
    error: /still running/,
  },
  'as many failures as may be': {
    files: { 'a.spec.js': FAILS, 'b.spec.js': NEVER_ENDS, 'c.spec.js': PASSES },
    config: { maxFailures: 1, workers: 2 },
    status: 'failed',
    error: /Testing stopped early after 1 maximum allowed failures/,
    versions: ['newest', 'oldest'],
  },
  'a global timeout': {
    files: { 'a.spec.js': NEVER_ENDS },
    config: { globalTimeout: 5_000 },
    status: 'timedout',
    error: /Timed out waiting 5s for the test suite to run/,
    // How far a run has come by then is another matter each time.
    sameOutput: false,
    // Tests still end while the blob report is written, which does not have that.
    others: [[require.resolve('./support/witness.js'), { file: 'witness.ndjson' }]],
    report: 'witness.ndjson',
  },
};

/** Lines in no order: two workers print at the same time. */
function lines(text) {
  const told = normalised(text);
  return told.map((line) => line.replace(/\[\d+\/\d+\]/g, '[N]')).sort();
}

for (const [
  name,
  { files, config = {}, args, status, error, sameOutput = true, report = 'blob-report', others, versions = ['newest'] },
] of Object.entries(RUNS)) {
  for (const version of versions) {
    test(`${name}: ${version} Playwright`, async (t) => {
      const { server } = await import('../../js/test/support/runcast.js');
      const node = await server(t);
      const { dir, run } = project(t, { files, config, others, playwright: version });
      const without = await run({ config: 'without', args });
      rmSync(join(dir, 'tests/began'), { force: true });
      const found = await run({ env: { RUNCAST_URL: node.url }, args });
      assert.equal(found.code, without.code);
      if (sameOutput) {
        assert.deepEqual(lines(found.stdout), lines(without.stdout));
        assert.deepEqual(lines(found.stderr), lines(without.stderr));
      }
      const { events } = await compare({ url: node.url, report: join(dir, report) });
      const statuses = events.filter(({ type }) => type === 'run_status').map((event) => event.status);
      assert.deepEqual(statuses, ['queued', 'running', status]);
      const errors = events.filter(({ type }) => type === 'error').map((event) => event.error.message);
      assert.ok(
        errors.some((message) => error.test(message)),
        JSON.stringify(errors),
      );
    });
  }
}
