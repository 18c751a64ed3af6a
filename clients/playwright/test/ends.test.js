// Runs that are ended from outside.
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');

const { compare } = require('./support/compare.js');
const { faulty } = require('./support/faulty.js');
const { eventsOf, project } = require('./support/project.js');
const { postSpilled, spilled } = require('./support/spill.js');

const WITNESS = require.resolve('./support/witness.js');
const support = import('../../js/test/support/runcast.js');

/** A test that has passed, and one that waits within two steps until the run is ended. */
const WAITING = `
  const { test, expect } = require('@playwright/test');
  test('passes', async ({ page }) => { await page.setContent('<p>a</p>'); await expect(page.locator('p')).toHaveText('a'); });
  test('waits', async ({ page }) => {
    await page.setContent('<p>b</p>');
    await test.step('outer', () => test.step('inner', async () => {
      console.log('it waits');
      await new Promise(() => {});
    }));
  });
`;

/** A project with that test, and a witness of what it tells its reporters. `files`: more, besides the tests. */
function waiting(t, { config, ...files } = {}) {
  const witness = join(require('node:os').tmpdir(), `runcast-witness-${process.pid}-${Math.random()}.ndjson`);
  t.after(() => require('node:fs').rmSync(witness, { force: true }));
  const made = project(t, { files: { 'a.spec.js': WAITING, ...files }, config: { timeout: 0, ...config }, others: [[WITNESS, { file: witness }]] });
  return { ...made, witness };
}

/** Runs it, and does something when the test waits. */
async function ended(made, url, act, options = {}) {
  const { eventually } = await support;
  return made.run({
    ...options,
    env: { RUNCAST_URL: url, ...options.env },
    async started(child, out) {
      await eventually(() => out.stdout.includes('it waits'), 60_000);
      await act(child, out);
    },
  });
}

/** Nothing of the run is missing, and its log ends as that of a run that was interrupted. */
async function assertInterrupted(url, run, made) {
  const { missing, events } = await compare({ url, run, report: made.witness, cut: true, attachments: false });
  assert.equal(missing, 0);
  const told = events.slice(-3).map(({ type, status, state }) => `${type} ${status ?? state}`);
  assert.deepEqual(told, ['test_status interrupted', 'run_status interrupted', 'worker left']);
  const steps = events.filter(({ type }) => type === 'test_step');
  for (const title of ['outer', 'inner']) {
    const begin = steps.find(({ step }) => step.phase === 'begin' && step.title === title);
    const isEnd = ({ testId, step }) => testId === begin.testId && step.phase === 'end' && step.id === begin.step.id;
    assert.equal(steps.filter(isEnd).length, 1, `${title} is closed`);
  }
  const { status } = await (await fetch(`${url}/api/runs/${run}`)).json();
  assert.equal(status, 'interrupted');
}

test('SIGTERM and SIGHUP: the log has an end, and the process dies of the signal', async (t) => {
  const node = await (await support).server(t);
  for (const signal of ['SIGTERM', 'SIGHUP']) {
    const made = waiting(t);
    const result = await ended(made, node.url, (child) => child.kill(signal), { env: { RUNCAST_RUN: signal } });
    assert.deepEqual([result.code, result.signal], [null, signal], result.stderr);
    await assertInterrupted(node.url, signal, made);
    assert.deepEqual(spilled(made.dir), []);
  }
});

test('a second SIGTERM ends it at once: what was not posted is in the file', async (t) => {
  const node = await (await support).server(t);
  // From the moment on when the test waits the server does not answer.
  let isSilent = false;
  const front = await faulty(t, () => node.url, () => (isSilent ? 'hang' : undefined));
  const made = waiting(t);
  const { eventually } = await support;
  const result = await ended(made, front.url, async (child) => {
    isSilent = true;
    child.kill('SIGTERM');
    await eventually(() => front.count.hang > 0);
    child.kill('SIGTERM');
  });
  assert.equal(result.signal, 'SIGTERM', result.stderr);
  assert.equal(spilled(made.dir).length, 1, result.stderr);
  await postSpilled(made, result.stderr, node.url);
  await assertInterrupted(node.url, 'r', made);
});

const namespaces = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child'];
const isInit = spawnSync(namespaces[0], [...namespaces.slice(1), 'true']).status === 0;

test('as the first process of a container it ends by SIGTERM too', { skip: !isInit && 'no namespaces here' }, async (t) => {
  const node = await (await support).server(t);
  const made = waiting(t, {
    'a.spec.js': `require('@playwright/test').test('waits', async () => { console.log('it waits'); await new Promise(() => {}); });`,
  });
  const result = await ended(made, node.url, (child) => {
    const [init] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ');
    process.kill(Number(init), 'SIGTERM');
  }, { wrap: namespaces });
  assert.equal(result.code, 143, result.stderr);
  const told = (await eventsOf(node.url)).slice(-2).map(({ type, status, state }) => `${type} ${status ?? state}`);
  assert.deepEqual(told, ['run_status interrupted', 'worker left']);
});

test('whoever else listens to SIGTERM gets it once, and decides how the process ends', async (t) => {
  const node = await (await support).server(t);
  // `signal-exit` dies by the signal if nobody but its own copies listens.
  const signalExit = `
    process.__signal_exit_emitter__ = { count: 1 };
    process.on('SIGTERM', function own() {
      if (process.listenerCount('SIGTERM') > 1) return;
      process.off('SIGTERM', own);
      process.kill(process.pid, 'SIGTERM');
    });`;
  const cleaning = `
    process.on('SIGTERM', () => { console.log('it cleans up'); setTimeout(() => process.exit(7), 500); });`;
  for (const [run, setup, code, signal] of [['exit', cleaning, 7, null], ['signal-exit', signalExit, null, 'SIGTERM']]) {
    const made = waiting(t, { 'setup.js': `module.exports = () => { ${setup} };`, config: { globalSetup: './tests/setup.js' } });
    const result = await ended(made, node.url, (child) => child.kill('SIGTERM'), { env: { RUNCAST_RUN: run } });
    assert.deepEqual([result.code, result.signal], [code, signal], result.stderr);
    assert.equal(result.stdout.split('it cleans up').length - 1, run === 'exit' ? 1 : 0);
    await assertInterrupted(node.url, run, made);
  }
});

test('SIGINT is obeyed by Playwright; further ones do not wait for the server', async (t) => {
  const node = await (await support).server(t);
  const made = waiting(t);
  const once = await ended(made, node.url, (child) => child.kill('SIGINT'), { env: { RUNCAST_RUN: 'once' } });
  assert.equal(once.code, 130, once.stderr);
  const { events } = await compare({ url: node.url, run: 'once', report: made.witness, attachments: false });
  assert.equal(events.filter(({ type }) => type === 'run_status').at(-1).status, 'interrupted');

  let isSilent = false;
  const front = await faulty(t, () => node.url, () => (isSilent ? 'hang' : undefined));
  const hammered = await ended(made, front.url, (child) => {
    isSilent = true;
    const timer = setInterval(() => child.kill('SIGINT'), 100);
    child.once('exit', () => clearInterval(timer));
  }, { env: { RUNCAST_RUN: 'hammered' } });
  assert.equal(hammered.signal, 'SIGINT', hammered.stderr);
  await postSpilled(made, hammered.stderr, node.url);
  // How far Playwright had come depends on when the second one came.
  const { compared } = await compare({ url: node.url, run: 'hammered', report: made.witness, cut: true, attachments: false });
  assert.ok(compared > 0);
});

test('process.exit() of somebody: what was not posted is in the file', async (t) => {
  const node = await (await support).server(t);
  const made = waiting(t, {
    'a.spec.js': `require('@playwright/test').test('passes', () => {});`,
    'teardown.js': `module.exports = () => process.exit(3);`,
    config: { globalTeardown: './tests/teardown.js' },
  });
  const result = await made.run({ env: { RUNCAST_URL: node.url } });
  assert.equal(result.code, 3, result.stderr);
  await postSpilled(made, result.stderr, node.url);
  const { events } = await compare({ url: node.url, report: made.witness, cut: true, attachments: false });
  assert.deepEqual(events.slice(-2).map(({ status, state }) => status ?? state), ['interrupted', 'left']);
});

test('kill -9: what was told is there, and the server finds that the runner is silent', async (t) => {
  const { eventually, server } = await support;
  const node = await server(t, { RUNS__SILENT_SECS: 1, RUNS__LOST_SECS: 2 });
  const made = waiting(t);
  const has = async (what) => (await eventsOf(node.url)).some(what);
  const result = await ended(made, node.url, async (child) => {
    await eventually(() => has(({ type, text }) => type === 'log' && text.includes('it waits')));
    child.kill('SIGKILL');
  });
  assert.equal(result.signal, 'SIGKILL');
  await compare({ url: node.url, report: made.witness, cut: true, attachments: false });
  await eventually(() => has(({ type, status }) => type === 'producer_status' && status === 'silent'));
});
