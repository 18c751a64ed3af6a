// What people read in the terminal.
const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { existsSync, readFileSync, readdirSync, writeFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { join, resolve } = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { gunzipSync } = require('node:zlib');

const { load } = require('./support/module.js');
const { eventsOf, project } = require('./support/project.js');

const { rerunCommand } = load('rerun.ts');
const { commandLine } = load('shell.ts');

const support = import('../../js/test/support/runcast.js');
const server = async (t) => (await support).server(t);
const eventually = async (check) => (await support).eventually(check);
const BINARY = process.env.RUNCAST_BIN ?? resolve(__dirname, '../../../target/debug/runcast');
const NOTICE = '(secrets are masked in events, not in screens, traces and attachments)';

const MIXED = {
  'cart.spec.js': `const { test, expect } = require('@playwright/test');
test('adds', () => {});
test('pays', () => { expect(1, 'the sum').toBe(2); });
test.skip('refunds', () => {});
test('ships', ({}, info) => { expect(info.retry).toBe(1); });
`,
  'shop cart (new).spec.js': "const { test } = require('@playwright/test');\n\ntest('opens', () => { throw new Error('shut'); });\n",
};

const config = (more = {}) => ({ configFile: '/shop/playwright.config.ts', projects: [{}], ...more });
const failed = (file, line, name = '') => ({ file: `/shop/${file}`, line, project: name });

test('the command for the failed tests names files and lines, for sh, and its length is bounded', () => {
  const command = (tests, more) => rerunCommand(tests, config(more), '/shop');
  assert.equal(command([]), undefined);
  assert.equal(command([failed('tests/cart.spec.ts', 12), failed('shop.spec.ts', 30), failed('shop.spec.ts', 30)]),
    'npx playwright test tests/cart.spec.ts:12 shop.spec.ts:30');
  assert.equal(command([failed("it's [id].spec.ts", 1)]), "npx playwright test 'it'\\''s \\[id\\].spec.ts:1'");
  const two = { projects: [{ name: 'chromium' }, { name: 'web kit' }] };
  assert.equal(command([failed('a.ts', 1, 'chromium')], two), 'npx playwright test a.ts:1 --project=chromium');
  assert.equal(command([failed('a.ts', 1, 'web kit')], two), "npx playwright test a.ts:1 '--project=web kit'");
  assert.equal(command([failed('a.ts', 1, 'only')], { projects: [{ name: 'only' }] }), 'npx playwright test a.ts:1');
  assert.equal(command([failed('a.ts', 1)], { configFile: '/shop/e2e/playwright.config.ts' }), 'npx playwright test a.ts:1 -c e2e/playwright.config.ts');
  assert.equal(command([failed('a.ts', 1)], { configFile: undefined }), 'npx playwright test a.ts:1');
  const many = Array.from({ length: 300 }, (_, line) => failed('tests/cart.spec.ts', line));
  assert.equal(command(many), 'npx playwright test tests/cart.spec.ts', 'whole files, if the lines are too many');
  assert.equal(command(many.map((each, number) => ({ ...each, file: `/shop/tests/cart-${number}.spec.ts` }))), undefined);
  assert.equal(commandLine(['a', 'b c', '', '$x']), "a 'b c' '' '$x'");
});

test('a run that fails says how its failed tests are run again, in the terminal and in its log', async (t) => {
  const node = await server(t);
  const made = project(t, { files: MIXED, config: { retries: 1 }, reporter: { url: node.url, printLink: 'both' } });
  const { code, stdout, stderr } = await made.run();
  assert.equal(code, 1, stdout);
  const command = "npx playwright test tests/cart.spec.js:3 'tests/shop cart \\(new\\).spec.js:3' -c with.config.js";
  const page = `${node.url}/runs/r`;
  const line = `to run the failed tests again: ${command}`;
  assert.deepEqual(stderr.split('\n'), [
    `runcast: watch this run at ${page} ${NOTICE}`, `runcast: ${line}`, `runcast: this run is at ${page}`, '',
  ]);
  const logs = (await eventsOf(node.url)).filter(({ type, testId }) => type === 'log' && testId === undefined);
  assert.deepEqual(logs.map(({ text }) => text), [`${line}\n`]);

  const cli = join(made.dir, 'node_modules/@playwright/test/cli.js');
  const again = command.replace('npx playwright', `${process.execPath} ${cli}`).replace('with.config', 'without.config');
  const options = { cwd: made.dir, env: { PATH: process.env.PATH, HOME: made.dir } };
  const second = await promisify(execFile)('sh', ['-c', `${again} --reporter=json`], options).catch((error) => error);
  const { stats } = JSON.parse(second.stdout);
  assert.deepEqual([stats.unexpected, stats.expected, stats.flaky, stats.skipped], [2, 0, 0, 0], 'these tests, and no others');
});

test('printLink: false prints no link, and a run that passes nothing else', async (t) => {
  const node = await server(t);
  const files = { 'a.spec.js': "const { test } = require('@playwright/test'); test('passes', () => {});" };
  const { code, stderr } = await project(t, { files, reporter: { url: node.url, printLink: false } }).run();
  assert.deepEqual([code, stderr], [0, '']);
});

test('a server that is away is one warning, and a command at the end that posts what it has not got', async (t) => {
  const files = { 'a.spec.js': "const { test } = require('@playwright/test'); for (const n of [1, 2]) test('passes ' + n, () => {});" };
  const url = 'http://127.0.0.1:9';
  const made = project(t, { files, reporter: { url, endTimeoutSecs: 1 } });
  const { code, stdout, stderr } = await made.run({ env: { RUNCAST_RUN: '' } });
  assert.equal(code, 0, stdout);
  const [link, warning, spilled, ...more] = stderr.trimEnd().split('\n');
  const run = /runs\/(\S+)/.exec(link)[1];
  assert.match(run, /^local-/);
  assert.match(warning, /^runcast: 127\.0\.0\.1:9 refused the connection: check that the server runs .*; the tests go on, and what waits is posted later$/);
  const found = /^runcast: events that the server has not got: (\d+); post them when it is back: (runcast publish .*)$/.exec(spilled);
  assert.ok(found, spilled);
  assert.deepEqual(more, []);
  const [name, ...others] = readdirSync(join(made.dir, '.runcast')).filter((each) => each !== '.gitignore');
  assert.deepEqual(others, []);
  assert.match(name, new RegExp(`^${run}-[0-9a-f]{8}\\.ndjson$`));
  assert.equal(found[2], `runcast publish --url ${url} ${run} .runcast/${name}`);
  assert.equal(readFileSync(join(made.dir, '.runcast/.gitignore'), 'utf8'), '*\n');

  const node = await server(t);
  const line = found[2].replace('runcast', BINARY).replace(url, node.url);
  await promisify(execFile)('sh', ['-c', line], { cwd: made.dir });
  const events = await eventsOf(node.url, run);
  assert.equal(events.filter(({ type }) => type !== 'producer_joined').length >= Number(found[1]), true);
  assert.equal((await node.json(`/api/runs/${run}`)).status, 'passed');
});

test('a wrong token is said to be one', async (t) => {
  const refusing = createServer((request, response) => {
    request.resume();
    response.writeHead(401, { 'content-type': 'application/problem+json' });
    response.end('{"status":401,"code":"unauthorized","detail":"the token is not known"}');
  });
  await new Promise((done) => refusing.listen(0, '127.0.0.1', done));
  t.after(() => refusing.close());
  const files = { 'a.spec.js': "const { test } = require('@playwright/test'); test('passes', () => {});" };
  const reporter = { url: `http://127.0.0.1:${refusing.address().port}`, token: 'wrong', endTimeoutSecs: 1 };
  const { code, stderr } = await project(t, { files, reporter }).run();
  assert.equal(code, 0);
  const lines = stderr.split('\n').filter((line) => line.includes('RUNCAST_TOKEN'));
  assert.equal(lines.length, 1, stderr);
  assert.match(lines[0], /^runcast: unauthorized: the token is not known: check the token \(RUNCAST_TOKEN\); the tests go on/);
  assert.ok(!stderr.includes('wrong'), 'the token is not shown');
});

/** A server that takes all events until it `isDown`: then it cuts off who comes, and counts them. */
async function fragile(t) {
  const node = { isDown: false, cut: 0, stored: '', url: undefined };
  const listening = createServer(async (request, response) => {
    if (node.isDown) {
      node.cut += 1;
      return void request.socket.destroy();
    }
    if (request.method !== 'POST') return void request.resume();
    const body = Buffer.concat(await request.toArray());
    const text = String(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
    node.stored += text;
    const stored = text.trim().split('\n').length;
    const producerSeq = Number(request.headers['runcast-producer-seq']) + stored - 1;
    response.writeHead(202, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ stored, duplicates: 0, producerSeq }));
  });
  await new Promise((done) => listening.listen(0, '127.0.0.1', done));
  t.after(() => {
    listening.closeAllConnections();
    listening.close();
  });
  node.url = `http://127.0.0.1:${listening.address().port}`;
  return node;
}

for (const reporter of ['line', 'list']) {
  test(`in a terminal that ${reporter} draws, warnings wait until it has drawn all`, async (t) => {
    const node = await fragile(t);
    const files = { 'a.spec.js': `const { test, expect } = require('@playwright/test');
      const { existsSync } = require('node:fs');
      test('waits', async () => {
        await expect.poll(() => existsSync('gone')).toBe(true);
        await test.step('a step', () => {});
        await expect.poll(() => existsSync('told')).toBe(true);
      });` };
    const made = project(t, { files, reporter: { url: node.url, endTimeoutSecs: 1 } });
    const text = readFileSync(join(made.dir, 'with.config.js'), 'utf8');
    writeFileSync(join(made.dir, 'tty.config.js'), text.replace('["line"', `["${reporter}"`));
    const cli = join(made.dir, 'node_modules/@playwright/test/cli.js');
    const pty = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';
    const env = { PATH: process.env.PATH, HOME: made.dir, TERM: 'xterm', RUNCAST_RUN: 'r' };
    const done = promisify(execFile)('python3', ['-c', pty, process.execPath, cli, 'test', '-c', 'tty.config.js'], { cwd: made.dir, env });
    await eventually(() => node.stored.includes('test_plan'));
    node.isDown = true;
    writeFileSync(join(made.dir, 'gone'), '');
    await eventually(() => node.cut > 0);
    writeFileSync(join(made.dir, 'told'), '');
    const { stdout } = await done;
    assert.ok(stdout.includes('\u001b['), 'it is drawn');
    const bare = stdout.replace(/\u001b\[[0-9;]*m/g, '');
    const [before, tests] = bare.split('Running 1 test');
    assert.match(before, /^runcast: watch this run/);
    assert.ok(tests.indexOf('1 passed') > 0 && tests.indexOf('runcast:') > tests.indexOf('1 passed'), tests);
    assert.equal(tests.match(/the tests go on/g).length, 1, tests);
    assert.match(tests, /events that the server has not got/);
    assert.ok(existsSync(join(made.dir, '.runcast')));
  });
}
