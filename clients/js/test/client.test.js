import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connect } from '../dist/index.js';
import { eventually, server } from './support/runcast.js';

test('one posts, another one watches, steers and uploads', async (t) => {
  const node = await server(t);
  const producer = connect({ url: node.url }).run('r1').publish({
    commands: true,
    onCommand: ({ event }) => event.type === 'pause_requested' && producer.report(event.commandId, 'done'),
  });
  producer.emit({ type: 'worker', state: 'joined', can: ['pause'] });
  producer.emit({ type: 'test_status', testId: 't1', status: 'running' });
  await producer.flush();

  const run = connect({ url: node.url, user: 'ada' }).run('r1');
  const handle = await run.command({ type: 'pause' }, { signal: AbortSignal.timeout(20_000) });
  assert.equal((await handle.done).status, 'done');
  const lease = await run.control();
  const state = await eventually(() => run.state());
  assert.equal(state.control.holder.name, 'ada');
  await lease.release();
  const artifact = await run.upload(new Blob(['hello']), { name: 'hello.txt', test: 't1' });
  assert.equal(artifact.test, 't1');

  producer.emit({ type: 'run_status', status: 'passed' });
  assert.equal((await producer.close()).delivered, true);
  const seen = [];
  const watch = run.watch();
  for await (const event of watch) {
    seen.push(event.type);
    if (event.type === 'run_status') break;
  }
  watch.close();
  assert.deepEqual(seen.filter((type) => !type.startsWith('control_')).toSorted(), [
    'artifact', 'command_status', 'pause_requested', 'run_status', 'test_status', 'worker',
  ]);
});

test('the list is filtered, and runs are compared by the history of their tests', async (t) => {
  const node = await server(t);
  const client = connect({ url: node.url });
  const meta = { project: 'shop', branch: 'main', labels: ['pr'] };
  for (const [number, status] of [[1, 'failed'], [2, 'passed']]) {
    const producer = client.run(`r${number}`).publish();
    producer.emit({ type: 'run_status', status: 'running', data: { meta: { ...meta, number } } });
    producer.emit({ type: 'test_status', testId: 't1', status, data: { title: 'pays', durationMs: 7 } });
    producer.emit({ type: 'run_status', status });
    assert.equal((await producer.close()).delivered, true);
    await eventually(async () => (await client.run(`r${number}`).history(['t1'])).tests[0].results.at(-1)?.current);
  }
  const rows = async (query) => {
    const all = [];
    for await (const row of client.runs(query)) all.push(row);
    return all;
  };
  const found = async (query) => (await rows(query)).map(({ runId }) => runId);
  assert.deepEqual(await found({ project: 'shop', since: '1h' }), ['r2', 'r1']);
  assert.deepEqual(await found({ status: ['failed', 'needs_you'], label: 'pr', since: new Date(Date.now() - 3_600_000) }), ['r1']);
  assert.deepEqual(await found({ group: 'passed', q: '#2', branch: 'main' }), ['r2']);
  const [row] = await rows({ q: 'r1' });
  assert.deepEqual([row.word, row.meta.number, row.counts.failed, row.firstError.title], ['failed', 1, 1, 'pays']);
  const history = await client.run('r2').history(['t1', { testId: 't1', variant: 'linux' }]);
  assert.deepEqual(history.tests.map(({ variant, results }) => [variant, results.map(({ outcome }) => outcome)]), [
    [null, ['unexpected', 'expected']], ['linux', []],
  ]);
  const { with: before, counts, fixed } = await client.run('r2').compare();
  assert.deepEqual([before.runId, counts.fixed, fixed[0].testId], ['r1', 1, 't1']);
  assert.deepEqual((await client.run('r1').compare({ with: 'r2' })).counts.failing, 1);
  await assert.rejects(client.run('r1').compare({ with: 'none' }), { code: 'run_not_found' });
});
