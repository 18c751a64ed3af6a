import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { log, numbersOf, publisher, upTo } from './support/publisher.js';
import { contextOf, runcast, server } from './support/runcast.js';
import { fake } from './support/servers.js';

test('a process that ends without a word has posted everything', async (t) => {
  const node = await server(t);
  const script = `
    import { Publisher } from ${JSON.stringify(new URL('../dist/publish.js', import.meta.url).href)};
    import { contextOf } from ${JSON.stringify(new URL('./support/runcast.js', import.meta.url).href)};
    const p = new Publisher(contextOf(process.argv[1]), 'r1', { flushMs: 60000, idleFlushMs: 60000, commands: true });
    for (let number = 0; number < 700; number += 1) p.emit({ type: 'log', number });
    setTimeout(() => p.emit({ type: 'log', number: 700 }), 200);`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, node.url], { timeout: 20_000 });
  assert.deepEqual(numbersOf(await node.events('r1')), upTo(701));
});

test('what a process could not post is in a file, and can be posted later without doubles', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-js-spill-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const node = await server(t);
  for (const [name, end] of [['exit', 'process.exit(3)'], ['empty', '']]) {
    const file = join(dir, `${name}.ndjson`);
    const script = `
      import { Publisher } from ${JSON.stringify(new URL('../dist/publish.js', import.meta.url).href)};
      import { contextOf } from ${JSON.stringify(new URL('./support/runcast.js', import.meta.url).href)};
      const options = { spillFile: process.argv[2], closeTimeoutMs: 300, variant: 'linux', queueBytes: 100_000, maxBatchEvents: 50,
        onError: ({ kind, message }) => console.log(kind, message) };
      const p = new Publisher(contextOf(process.argv[1]), ${JSON.stringify(name)}, options);
      for (let number = 0; number < 100; number += 1) p.emit({ type: 'log', number });
      await p.flush();
      process.kill(${'${PID}'}, 'SIGKILL');
      for (let number = 100; number < 150; number += 1) p.emit({ type: 'log', number });
      while (p.stats.retries === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      for (let number = 150; number < 1000; number += 1) p.emit({ type: 'log', number });
      ${end}`.replace('${PID}', String(node.child.pid));
    const args = ['--input-type=module', '-e', script, node.url, file];
    const ended = await promisify(execFile)(process.execPath, args, { timeout: 20_000 }).catch((error) => error);
    assert.equal(ended.code ?? 0, name === 'exit' ? 3 : 0, ended.stderr);
    assert.match(ended.stdout, new RegExp(`spilled \\d+ events could not be posted and are in ${file}`));
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual([lines[0].runcast, lines[0].runId, lines[0].seq], ['spill', name, 101]);
    await node.start();
    for (let again = 0; again < 2; again += 1) {
      const posted = await runcast('publish', name, file, '--url', node.url);
      assert.equal(posted.code, 0, posted.stderr);
    }
    const events = await node.events(name);
    const numbers = numbersOf(events);
    assert.deepEqual(numbers.slice(0, 150), upTo(150));
    assert.deepEqual([numbers.at(-1), new Set(numbers).size], [999, numbers.length]);
    const lost = events.filter(({ type }) => type === 'events_lost').reduce((sum, { from, to }) => sum + to - from + 1, 0);
    assert.equal(numbers.length + lost, 1_000);
    assert.ok(events.filter(({ type }) => type === 'log').every(({ variant }) => variant === 'linux'));
  }
});

test('a file that can not be written costs no exception', async (t) => {
  const closed = await fake(t, () => {});
  closed.close();
  const p = publisher(t, closed.url, { spillFile: '/nowhere/at/all' });
  p.emit(log(0));
  await p.close({ timeoutMs: 100 });
  assert.deepEqual(p.problems.map(({ kind }) => kind), ['unreachable', 'lost']);
  assert.ok(!existsSync('/nowhere'));
  p.emit(log(1));
  assert.equal(p.stats.refused, 1);
});

test('what is abandoned is in the file at once, and who waits goes on', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-js-spill-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const silent = await fake(t, () => {});
  const file = join(dir, 'later');
  let calls = 0;
  const p = publisher(t, silent.url, { spillFile: () => ((calls += 1), file) });
  for (let number = 0; number < 3; number += 1) p.emit(log(number));
  const closed = p.close({ timeoutMs: 600_000 });
  assert.equal(calls, 0);
  p.abandon();
  p.abandon();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual([lines[0].seq, ...numbersOf(lines)], [1, 0, 1, 2]);
  assert.equal((await closed).delivered, false);
  assert.deepEqual([calls, p.stats.spilled], [1, 3]);
});
