// Whatever fails in the reporter: the run ends as it would without it, and each hook that failed is told once.
const assert = require('node:assert/strict');
const { test } = require('node:test');

const { project } = require('./support/project.js');

const FILES = {
  'a.spec.js': `
    const { test } = require('@playwright/test');
    for (const name of ['one', 'two']) {
      test(name, async ({}, info) => {
        await test.step('first', async () => {});
        await test.step('second', async () => {});
        await info.attach('note', { body: 'x' });
        console.log('out');
        console.error('err');
      });
    }
  `,
  'teardown.js': 'module.exports = async () => { if (process.env.TEARDOWN) throw new Error("teardown"); };',
  // Options whose functions throw, and a test that can't be looked at.
  'careless.js': `
    const Reporter = require('@runcast/playwright');
    const fail = () => { throw new Error('careless'); };
    module.exports = class extends Reporter {
      constructor(options) { super({ ...options, attachments: fail }); }
      onTestBegin(test, result) {
        super.onTestBegin(Object.create(test, { titlePath: { get: fail } }), result);
      }
    };
  `,
  // Hands the reporter what throws at every touch.
  'broken.js': `
    const Reporter = require('@runcast/playwright');
    const fail = () => { throw new Error('broken'); };
    const poison = new Proxy({}, { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail });
    class Broken extends Reporter {
      constructor(options) { super(process.env.BROKEN === 'options' ? poison : options); }
      onExit() {
        const { all } = Promise;
        Promise.all = fail;
        const exited = super.onExit();
        Promise.all = all;
        return exited;
      }
    }
    const hooks = Object.getOwnPropertyNames(Reporter.prototype).filter((name) => /^on/.test(name) && name !== 'onExit');
    for (const hook of hooks) {
      Broken.prototype[hook] = function () { return Reporter.prototype[hook].call(this, poison, poison, poison); };
    }
    module.exports = Broken;
  `,
};
const CONFIG = { workers: 1, globalTeardown: './tests/teardown.js' };
const ARGS = ['--reporter=line,./tests/broken.js'];
const WARNING = /^runcast: the reporter failed in (\w+), /gm;

test('a reporter whose hooks all fail leaves a green run green, and says so once for each', async (t) => {
  const { server } = await import('../../js/test/support/runcast.js');
  const node = await server(t);
  const { run } = project(t, { files: FILES, config: CONFIG });
  const { code, stdout, stderr } = await run({ args: ARGS, env: { RUNCAST_URL: node.url } });
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /2 passed/);
  const told = [...stderr.matchAll(WARNING)].map(([, hook]) => hook).sort();
  const hooks = [
    'onBegin',
    'onEnd',
    'onExit',
    'onStdErr',
    'onStdOut',
    'onStepBegin',
    'onStepEnd',
    'onTestBegin',
    'onTestEnd',
  ];
  assert.deepEqual(told, hooks);
});

test('a red run whose reporter fails is red for its own reasons', async (t) => {
  const { server } = await import('../../js/test/support/runcast.js');
  const node = await server(t);
  const { run } = project(t, { files: FILES, config: CONFIG, playwright: 'oldest' });
  const { code, stdout, stderr } = await run({ args: ARGS, env: { RUNCAST_URL: node.url, TEARDOWN: '1' } });
  assert.equal(code, 1, stdout + stderr);
  assert.match(stdout, /2 passed/);
  assert.equal([...stderr.matchAll(WARNING)].filter(([, hook]) => hook === 'onError').length, 1, stderr);
});

test('options that can not be read turn the reporter off, with one warning', async (t) => {
  const { run } = project(t, { files: FILES, config: CONFIG });
  const { code, stdout, stderr } = await run({
    args: ARGS,
    env: { RUNCAST_URL: 'http://127.0.0.1:9', BROKEN: 'options' },
  });
  assert.equal(code, 0, stdout + stderr);
  assert.deepEqual(
    [...stderr.matchAll(WARNING)].map(([, hook]) => hook),
    ['constructor'],
  );
  assert.equal(stderr.match(/^runcast: /gm).length, 1, stderr);
});

test('what throws in options and tests is left out, and the rest is told', async (t) => {
  const { server } = await import('../../js/test/support/runcast.js');
  const node = await server(t);
  const { run } = project(t, { files: FILES, config: CONFIG });
  const { code, stdout, stderr } = await run({
    args: ['--reporter=line,./tests/careless.js'],
    env: { RUNCAST_URL: node.url },
  });
  assert.equal(code, 0, stdout + stderr);
  assert.ok([...stderr.matchAll(WARNING)].length <= 2, stderr);
  const { status, outcomes } = await node.json('/api/runs/r');
  assert.deepEqual([status, outcomes.expected], ['passed', 2], stderr);
  const steps = (await node.events('r')).filter(({ type, step }) => type === 'test_step' && step.phase === 'end');
  assert.ok(steps.length >= 6, `${steps.length} steps`);
});
