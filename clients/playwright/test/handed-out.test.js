// The packages that a server hands out, installed from it by those who install.
const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');
const { after, before, test } = require('node:test');
const { promisify } = require('node:util');

const { eventsOf } = require('./support/project.js');

const MODULES = resolve(__dirname, '../node_modules');
const NPM = 'npm';
const [PNPM, YARN] = ['pnpm/bin/pnpm.cjs', 'yarn/bin/yarn.js'].map((file) => join(MODULES, file));

/** Each with what it adds a package by, and what installs exactly what its lock file says. */
const TOOLS = {
  npm: { call: [NPM], add: ['install', '--save-dev'], again: ['ci'], lock: 'package-lock.json' },
  pnpm: { call: [process.execPath, PNPM], add: ['add', '--save-dev'], again: ['install', '--frozen-lockfile'], lock: 'pnpm-lock.yaml' },
  yarn: { call: [process.execPath, YARN], add: ['add', '--dev'], again: ['install', '--frozen-lockfile'], lock: 'yarn.lock' },
};

let node;
const ends = [];
before(async () => {
  const { server } = await import('../../js/test/support/runcast.js');
  node = await server({ after: (end) => ends.push(end) });
});
after(async () => {
  for (const end of ends) await end();
});

async function handedOut(name) {
  const { packages } = await node.json('/clients');
  return packages.find((found) => found.name === name);
}

/** A project without anything in it, and whoever runs there. Each call finds empty caches; no registry is reached. */
function project(t) {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-handed-out-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'package.json'), '{"name":"shop","private":true}');
  const run = async (program, ...args) => {
    const home = mkdtempSync(join(tmpdir(), 'runcast-home-'));
    const env = {
      PATH: process.env.PATH, HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home,
      npm_config_cache: join(home, 'npm'), npm_config_store_dir: join(home, 'pnpm'), YARN_CACHE_FOLDER: join(home, 'yarn'),
      npm_config_registry: 'http://127.0.0.1:1', npm_config_fetch_retries: '0', npm_config_audit: 'false',
      npm_config_update_notifier: 'false',
    };
    try {
      const { stdout, stderr } = await promisify(execFile)(program, args, { cwd: dir, env });
      return stdout + stderr;
    } catch (error) {
      throw new Error(`${program} ${args.join(' ')}\n${error.stdout}${error.stderr}`, { cause: error });
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  };
  return { dir, run };
}

for (const [name, { call, add, again, lock }] of Object.entries(TOOLS)) {
  test(`${name} installs the reporter, and again from its lock file with a cold cache`, { timeout: 120_000 }, async (t) => {
    const { dir, run } = project(t);
    const { url } = await handedOut('@runcast/playwright');
    await run(...call, ...add, url);
    assert.ok(readFileSync(join(dir, lock), 'utf8').includes(url), 'the lock file has the URL with the version');
    rmSync(join(dir, 'node_modules'), { recursive: true });
    await run(...call, ...again);

    const say = 'process.stdout.write(typeof reporter + reporter.name)';
    assert.equal(await run(process.execPath, '-e', `const reporter = require('@runcast/playwright'); ${say}`), 'functionRuncastReporter');
    const esm = `import reporter from '@runcast/playwright'; ${say}`;
    assert.equal(await run(process.execPath, '--input-type=module', '-e', esm), 'functionRuncastReporter');

    mkdirSync(join(dir, 'node_modules/@playwright'));
    symlinkSync(join(MODULES, '@playwright/test'), join(dir, 'node_modules/@playwright/test'));
    mkdirSync(join(dir, 'tests'));
    writeFileSync(join(dir, 'tests/a.spec.js'), `require('@playwright/test').test('${name} adds up', () => {});`);
    const line = `['@runcast/playwright', { url: '${node.url}', run: '${name}' }]`;
    writeFileSync(join(dir, 'playwright.config.js'), `module.exports = { testDir: 'tests', reporter: [['line'], ${line}] };`);
    await run(process.execPath, join(dir, 'node_modules/@playwright/test/cli.js'), 'test');
    const ended = (await eventsOf(node.url, name)).filter(({ type }) => type === 'run_status').at(-1);
    assert.equal(ended?.status, 'passed');
  });
}

test('the command that the server names works as it stands, and nothing else comes with it', { timeout: 120_000 }, async (t) => {
  const { dir, run } = project(t);
  for (const name of ['@runcast/playwright', '@runcast/client']) {
    const { install, integrity, version } = await handedOut(name);
    await run(...install.split(' '));
    const locked = JSON.parse(readFileSync(join(dir, 'package-lock.json'), 'utf8')).packages[`node_modules/${name}`];
    assert.deepEqual([locked.integrity, locked.version, locked.dependencies], [integrity, version, undefined]);
  }
  const connect = "import('@runcast/client').then(({ connect }) => process.stdout.write(typeof connect))";
  assert.equal(await run(process.execPath, '-e', connect), 'function');
  assert.doesNotMatch(readFileSync(join(dir, 'package-lock.json'), 'utf8'), /esbuild|typescript/);
});

test('the name without version leads to the newest', { timeout: 120_000 }, async (t) => {
  const { dir, run } = project(t);
  await run(NPM, 'install', '--no-save', `${node.url}/clients/runcast-playwright.tgz`);
  const { version } = JSON.parse(readFileSync(join(dir, 'node_modules/@runcast/playwright/package.json'), 'utf8'));
  assert.equal(version, (await handedOut('@runcast/playwright')).version);
});
