// What people want of a run: the reporter ends it, and says that it can do nothing else.
const assert = require('node:assert/strict');
const { join } = require('node:path');
const { test } = require('node:test');

const { compare } = require('./support/compare.js');
const { load } = require('./support/module.js');
const { normalised } = require('./support/ordinary.js');
const { project } = require('./support/project.js');

const CANNOT = 'no worker hook: the reporter alone can only end the whole run';
const FILES = {
  'a.spec.js': `
    const { test } = require('@playwright/test');
    test('waits', async () => {
      console.log('it waits');
      await test.step('for ever', () => new Promise(() => {}));
    });
    test('never begins', async () => {});
  `,
};

for (const playwright of ['newest', 'oldest']) {
  test(`a run is cancelled as by Ctrl-C: ${playwright} Playwright`, async (t) => {
    const { eventually, server } = await import('../../js/test/support/runcast.js');
    const node = await server(t);
    const { dir, run } = project(t, { files: FILES, playwright });
    const waits = (out) => eventually(() => out.stdout.includes('it waits'));
    const without = await run({
      config: 'without',
      started: (child, out) => waits(out).then(() => child.kill('SIGINT')),
    });
    const command = async (body) => {
      const headers = { 'content-type': 'application/json', 'runcast-user': 'ann' };
      const answer = await fetch(`${node.url}/api/runs/r/commands`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      assert.equal(answer.status, 202, await answer.clone().text());
      return (await answer.json()).commandId;
    };
    const reportOf = (id) => async () =>
      (await node.events('r')).find((event) => event.type === 'command_status' && event.commandId === id);
    let cancels;
    const found = await run({
      env: { RUNCAST_URL: node.url },
      started: async (child, out) => {
        await waits(out);
        const begun = await eventually(async () =>
          (await node.events('r')).find((event) => event.status === 'running' && event.testId),
        );
        const { status, detail } = await eventually(reportOf(await command({ type: 'cancel', testId: begun.testId })));
        assert.deepEqual([status, detail], ['rejected', CANNOT]);
        assert.equal(child.exitCode, null);
        cancels = [await command({ type: 'cancel', reason: 'wrong branch' }), await command({ type: 'cancel' })];
      },
    });
    assert.equal(found.code, 130, found.stderr);
    assert.equal(found.code, without.code);
    assert.deepEqual(normalised(found.stdout), normalised(without.stdout));
    const { status } = await reportOf(cancels[0])();
    assert.equal(status, 'done');
    // The second one may have come when the run had ended.
    const second = await reportOf(cancels[1])();
    if (second) assert.equal(second.status, 'done');
    await compare({ url: node.url, report: join(dir, 'blob-report'), end: 'cancelled' });
  });
}

test('all but cancelling the run is rejected, and notices are no requests', async (t) => {
  const { Commands } = load('commands.ts');
  const told = [];
  const publisher = { report: (id, status, details) => told.push([id, status, details?.detail]) };
  const commands = new Commands();
  const obey = (event) => commands.obey(publisher, { cursor: '1:1', leftMs: null, event: { seq: 1, ...event } });
  let signals = 0;
  const count = () => (signals += 1);
  process.on('SIGINT', count);
  t.after(() => process.off('SIGINT', count));
  const refused = [
    { type: 'pause_requested' },
    { type: 'resume_requested' },
    { type: 'hold_requested', when: 'failure' },
    { type: 'instructions_updated', instructions: 'hurry' },
    { type: 'step_requested' },
    { type: 'run_to_requested', location: 'a.spec.js:3' },
    { type: 'action_queued', action: { kind: 'click' } },
    { type: 'step_override_queued' },
    { type: 'replay_step_requested' },
    { type: 'cancel_requested', testId: 't' },
    { type: 'cancel_requested', target: { testId: 't' } },
    { type: 'cancel_requested', target: { slot: { producer: 'p', slot: 0 } } },
  ];
  refused.forEach((event, index) => obey({ ...event, commandId: `c${index}` }));
  assert.deepEqual(
    told,
    refused.map((_, index) => [`c${index}`, 'rejected', CANNOT]),
  );
  told.length = 0;
  obey({ type: 'ask_expired', askId: 'a' });
  obey({ type: 'command_withdrawn', commandId: 'c0' });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([told, signals], [[], 0]);
  obey({ type: 'cancel_requested', commandId: 'd', target: { producer: 'p' } });
  obey({ type: 'cancel_requested', commandId: 'e' });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    [told, signals],
    [
      [
        ['d', 'done', undefined],
        ['e', 'done', undefined],
      ],
      1,
    ],
  );
});
