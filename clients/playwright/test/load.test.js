// How Playwright is told of the reporter: configurations of all kinds, the command line, the environment, editors.
const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const { mkdirSync, writeFileSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { test } = require('node:test');

const { project } = require('./support/project.js');

const PACKAGE = resolve(__dirname, '..');
const files = { 'a.spec.js': "const { test } = require('@playwright/test'); test('passes', () => {});" };
const TS = (url) => `import { defineConfig } from '@playwright/test';
import type { Options } from '@runcast/playwright';

const runcast: Options = { url: '${url}', steps: 'all' };
export default defineConfig({ testDir: 'tests', reporter: [['line'], ['@runcast/playwright', runcast]] });
`;
const PLAIN = "module.exports = { testDir: 'tests' };";

const support = import('../../js/test/support/runcast.js');
const server = async (t) => (await support).server(t);
const eventually = async (check) => (await support).eventually(check);

/** The run's status, or undefined where the server knows no such run. */
async function statusOf(node, run) {
  return (await node.json(`/api/runs/${run}`)).status;
}

for (const playwright of ['newest', 'oldest']) {
  test(`Playwright, the ${playwright}, loads it from each kind of configuration`, async (t) => {
    const node = await server(t);
    const made = project(t, { files, playwright, reporter: { url: node.url } });
    writeFileSync(join(made.dir, 'typed.config.ts'), TS(node.url));
    writeFileSync(join(made.dir, 'module.config.mjs'), TS(node.url).replace(/^import type.*\n/m, '').replace(': Options', ''));
    writeFileSync(join(made.dir, 'none.config.js'), PLAIN);
    const module = join(made.dir, 'esm');
    mkdirSync(join(module, 'tests'), { recursive: true });
    writeFileSync(join(module, 'package.json'), '{"type":"module"}');
    writeFileSync(join(module, 'tests/b.spec.ts'), "import { test } from '@playwright/test'; test('passes', () => {});");
    writeFileSync(join(module, 'playwright.config.ts'), TS(node.url));

    const RUNCAST_URL = node.url;
    // PW_TEST_REPORTER is a path, relative to the tests' directory: no name of a package.
    const PW_TEST_REPORTER = join(made.dir, 'node_modules/@runcast/playwright');
    const ways = {
      js: {},
      ts: { args: ['-c', 'typed.config.ts'] },
      mjs: { args: ['-c', 'module.config.mjs'] },
      esm: { args: ['-c', 'esm/playwright.config.ts'] },
      line: { args: ['-c', 'none.config.js', '--reporter=@runcast/playwright,line'], env: { RUNCAST_URL } },
      environment: { args: ['-c', 'none.config.js', '--reporter=line'], env: { RUNCAST_URL, PW_TEST_REPORTER } },
    };
    for (const [name, { args = [], env = {} }] of Object.entries(ways)) {
      const { code, stdout, stderr } = await made.run({ args, env: { ...env, RUNCAST_RUN: name } });
      assert.equal(code, 0, `${name}: ${stdout}${stderr}`);
      const notice = 'secrets are masked in events, not in screens, traces and attachments';
      assert.equal(stderr, `runcast: watch this run at ${node.url}/runs/${name} (${notice})\n`, name);
      assert.match(stdout, /1 passed/, name);
      assert.equal(await statusOf(node, name), 'passed', name);
    }
  });

  test(`Playwright, the ${playwright}: nothing is posted for --list, for an editor, or without an address`, async (t) => {
    const node = await server(t);
    const made = project(t, { files, playwright });
    const env = { RUNCAST_URL: node.url };
    const listed = await made.run({ args: ['--list'], env: { ...env, RUNCAST_RUN: 'list' } });
    assert.deepEqual([listed.code, listed.stderr], [0, '']);
    assert.match(listed.stdout, /Total: 1 test in 1 file/);
    const silent = await made.run();
    assert.deepEqual([silent.code, silent.stderr], [0, '']);
    const cli = join(made.dir, 'node_modules/@playwright/test/cli.js');
    const merge = [cli, 'merge-reports', '-c', 'with.config.js', 'blob-report'];
    const merging = { ...process.env, ...env, RUNCAST_RUN: 'merge' };
    const merged = spawnSync(process.execPath, merge, { cwd: made.dir, env: merging, encoding: 'utf8' });
    assert.deepEqual([merged.status, merged.stderr], [0, '']);
    assert.match(merged.stdout, /1 passed/);
    const wrong = await made.run({ env: { RUNCAST_URL: 'runcast.example' } });
    assert.equal(wrong.code, 0);
    const says = "RUNCAST_URL: 'runcast.example' is no address: write http:// or https:// before it: 'https://runcast.example'";
    assert.equal(wrong.stderr, `runcast: ${says}; nothing is posted\n`);
    await runInEditor(made, { ...env, RUNCAST_RUN: 'editor' });
    const isPosted = () => eventually(async () => (await statusOf(node, 'wanted')) === 'passed');
    await runInEditor(made, { ...env, RUNCAST_RUN: 'wanted', RUNCAST_ENABLED: '1' }, isPosted);
    const { runs } = await node.json('/api/runs');
    assert.deepEqual(runs.map(({ runId }) => runId), ['wanted']);
  });
}

/** Runs the tests as the extension of VS Code does: by `playwright test-server` and its WebSocket. `then`: while it still runs. */
async function runInEditor({ dir }, env, then) {
  const cli = join(dir, 'node_modules/@playwright/test/cli.js');
  const child = spawn(process.execPath, [cli, 'test-server', '-c', 'with.config.js'], { cwd: dir, env: { PATH: process.env.PATH, HOME: dir, ...env } });
  try {
    let told = '';
    child.stderr.on('data', (text) => (told += text));
    for (let listens; listens === undefined; ) {
      const [text] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => assert.fail(told))]);
      told += text;
      listens = /Listening on (ws:\S+)/.exec(told)?.[1];
      if (listens !== undefined) await callEditor(listens);
    }
    await then?.();
  } finally {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}

/** Has the test server run all tests. */
async function callEditor(url) {
  const { openSocket } = await import('../../js/dist/socket-node.js');
  let begins;
  await new Promise((resolve, reject) => {
    const call = (id, method, params) => socket.send(JSON.stringify({ id, method, params }));
    const socket = openSocket({ url, headers: {} }, {
      text(data) {
        const { id, error } = JSON.parse(data);
        if (error !== undefined) reject(new Error(JSON.stringify(error)));
        if (id === 1 && begins !== undefined) call(2, 'runTests', { workers: 1 });
        if (id === 1) begins = clearInterval(begins);
        if (id === 2) resolve();
      },
      binary() {},
      pinged() {},
      closed: (code, reason) => reject(new Error(`the test server has closed: ${code} ${reason}`)),
    });
    // What is sent before the socket is open is lost.
    begins = setInterval(() => call(1, 'initialize', { interceptStdio: false }), 50);
  }).finally(() => clearInterval(begins));
}

test('the package has no paths of the machine that built it, and no dependencies', () => {
  const { readdirSync, readFileSync } = require('node:fs');
  const manifest = require('../package.json');
  assert.equal(manifest.dependencies, undefined);
  for (const name of readdirSync(join(PACKAGE, 'dist'))) {
    const text = readFileSync(join(PACKAGE, 'dist', name), 'utf8');
    assert.ok(!text.includes(resolve(PACKAGE, '../..')) && !text.includes('sourceMappingURL'), name);
    assert.ok(!text.includes('@runcast/client'), `${name} needs the client`);
  }
});

test('it is a class for require and for import', async () => {
  const required = require('@runcast/playwright');
  const { default: imported } = await import('@runcast/playwright');
  assert.equal(typeof required, 'function');
  assert.equal(required, imported);
  assert.equal(required.default, required);
  const reporter = new required();
  assert.equal(reporter.printsToStdio(), false);
});
