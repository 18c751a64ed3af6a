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
