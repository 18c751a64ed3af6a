// A project of its own, with Playwright and the reporter as npm would install them.
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join, resolve } = require('node:path');

const PACKAGE = resolve(__dirname, '../..');
/** The newest Playwright that is tested, and the oldest that is supported. `RUNCAST_PLAYWRIGHT` names the directory of another one. */
const PLAYWRIGHT = { newest: '@playwright/test', oldest: 'playwright-1.50' };
/** The newest Node.js is a package in `test/node`; where there is none for the platform, it is the own one. */
const NEWEST_NODE = join(PACKAGE, 'test/node/node_modules', `node-${process.platform}-${process.arch}`, 'bin/node');
const NODE = { own: process.execPath, newest: existsSync(NEWEST_NODE) ? NEWEST_NODE : process.execPath };
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

const CONFIG = ({ use = '', ...options }, reporters) => `
const { defineConfig } = require('@playwright/test');
module.exports = defineConfig({
  testDir: 'tests',
  reporter: ${JSON.stringify(reporters)},
  ...${JSON.stringify(options)},
  use: { launchOptions: { executablePath: ${JSON.stringify(CHROMIUM)}, args: ['--no-sandbox', '--disable-gpu'] }, ${use} },
});
`;

/**
 * Makes a project in a directory that goes with the test. `files`: by name below `tests/`; `config`: members of the
 * configuration, `use` as text; `reporter`: options of ours; `others`: reporters that come last, also in the run without ours.
 * `playwright`: `newest` or `oldest`; `node`: `own` or `newest`. The environment may name others for all.
 */
function project(test, { files, config = {}, reporter = {}, others = [], playwright = 'newest', node = 'own' }) {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-playwright-'));
  // Workers of a runner that was killed may still write.
  test.after(() => rmSync(dir, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 }));
  for (const [name, text] of Object.entries(files)) {
    const file = join(dir, 'tests', name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  mkdirSync(join(dir, 'node_modules/@playwright'), { recursive: true });
  mkdirSync(join(dir, 'node_modules/@runcast'), { recursive: true });
  const installed = process.env.RUNCAST_PLAYWRIGHT ?? join(PACKAGE, 'node_modules', PLAYWRIGHT[playwright]);
  symlinkSync(installed, join(dir, 'node_modules/@playwright/test'));
  symlinkSync(PACKAGE, join(dir, 'node_modules/@runcast/playwright'));
  writeFileSync(join(dir, 'package.json'), '{"name":"shop","private":true}');
  const line = ['line', {}];
  writeFileSync(join(dir, 'with.config.js'), CONFIG(config, [line, ['blob', {}], ['@runcast/playwright', reporter], ...others]));
  writeFileSync(join(dir, 'without.config.js'), CONFIG(config, [line, ...others]));
  return {
    dir,
    /**
     * Runs `playwright test`; resolves to how it ended and what it printed. `started(child)`: what happens meanwhile;
     * `wrap`: a command, and its arguments, that runs it.
     */
    async run({ env = {}, args = [], config: name = 'with', started, wrap = [] } = {}) {
      const cli = join(dir, 'node_modules/@playwright/test/cli.js');
      const [program, ...rest] = [...wrap, process.env.RUNCAST_NODE ?? NODE[node], cli, 'test', '-c', `${name}.config.js`, ...args];
      const child = spawn(program, rest, {
        cwd: dir,
        env: { PATH: process.env.PATH, HOME: dir, RUNCAST_RUN: 'r', PLAYWRIGHT_FORCE_TTY: '0', ...env },
      });
      const out = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => (out[name] += text));
      const ended = once(child, 'close');
      await started?.(child, out);
      const [code, signal] = await ended;
      return { code, signal, ...out };
    },
  };
}

/** The events of a run, all of them. */
async function eventsOf(url, run = 'r') {
  const all = [];
  for (let after = '0'; ; ) {
    const page = await (await fetch(`${url}/api/runs/${run}/events?limit=10000&after=${after}`)).json();
    all.push(...page.events);
    if (page.events.length === 0) return all;
    after = page.cursor;
  }
}

module.exports = { eventsOf, project };
