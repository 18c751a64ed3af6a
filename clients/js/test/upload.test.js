import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { upload } from '../dist/upload.js';
import { Tokens } from '../dist/tokens.js';
import { problem } from './support/publisher.js';
import { contextOf, server } from './support/runcast.js';
import { bodyOf, fake } from './support/servers.js';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

test('bytes, Blobs and files become artifacts, byte for byte', async (t) => {
  const node = await server(t);
  const context = contextOf(node.url);
  const bytes = randomBytes(700_000);
  const dir = mkdtempSync(join(tmpdir(), 'runcast-js-upload-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'trace file.bin');
  writeFileSync(path, bytes);
  const progress = [];
  const onProgress = (sent, size) => progress.push(`${sent}/${size}`);
  for (const [file, options, name, kind] of [
    [bytes, { name: 'a/b ü.bin', kind: 'other', test: 't1', contentType: 'application/x-mine' }, 'a/b ü.bin', 'other'],
    [new Blob([bytes], { type: 'video/webm' }), { name: 'v.webm' }, 'v.webm', 'video'],
    [path, { onProgress }, 'trace file.bin', undefined],
    [new Uint8Array(), { name: 'empty.txt' }, 'empty.txt', 'log'],
  ]) {
    const artifact = await upload(context, 'r1', file, options);
    assert.deepEqual([artifact.name, artifact.state], [name, 'ready']);
    if (kind) assert.equal(artifact.kind, kind);
    const { downloadUrl } = await node.json(`/api/runs/r1/artifacts/${artifact.artifactId}/download?encoding=identity`);
    const back = Buffer.from(await (await fetch(new URL(downloadUrl, node.url))).arrayBuffer());
    assert.equal(sha256(back), sha256(name === 'empty.txt' ? Buffer.alloc(0) : bytes));
  }
  assert.equal(progress.at(-1), '700000/700000');
  await assert.rejects(upload(context, 'r1', bytes), /`name` is missing/);
  await assert.rejects(upload(context, 'r1', '/nowhere/x'), { code: 'ENOENT' });
  await assert.rejects(upload(context, 'r1', bytes, { name: 'x', kind: 'nonsense' }), { code: 'invalid_kind', status: 400 });
});

test('an upload whose connection is cut is repeated, and stored once', async (t) => {
  const node = await server(t);
  const { port } = new URL(node.url);
  let connections = 0;
  // The first two connections break: one within the body, the other before the answer comes back.
  const cutter = createServer((socket) => {
    connections += 1;
    const number = connections;
    const onward = connect(Number(port), '127.0.0.1');
    t.after(() => [onward, socket].forEach((each) => each.destroy()));
    let passed = 0;
    socket.on('error', () => onward.destroy());
    onward.on('error', () => socket.destroy());
    socket.on('data', (part) => {
      passed += part.length;
      if (number === 1 && passed > 300_000) return socket.resetAndDestroy() && onward.destroy();
      onward.write(part);
    });
    onward.on('data', (part) => {
      if (number === 2) return socket.resetAndDestroy();
      socket.write(part);
    });
  });
  cutter.listen(0, '127.0.0.1');
  await new Promise((resolve) => cutter.once('listening', resolve));
  t.after(() => cutter.close());
  const bytes = randomBytes(2_000_000);
  const dir = mkdtempSync(join(tmpdir(), 'runcast-js-upload-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'video.webm');
  writeFileSync(path, bytes);
  const artifact = await upload(contextOf(`http://127.0.0.1:${cutter.address().port}`), 'r1', path);
  assert.deepEqual([artifact.size, artifact.sha256], [2_000_000, sha256(bytes)]);
  assert.equal(connections, 3);
  const { artifacts } = await node.json('/api/runs/r1/artifacts');
  assert.deepEqual(artifacts.filter(({ state }) => state !== 'failed').map(({ name }) => name), ['video.webm'], JSON.stringify(artifacts));
});

test('an upload ends with its signal', async (t) => {
  const silent = await fake(t, () => {});
  const signal = AbortSignal.timeout(100);
  await assert.rejects(upload(contextOf(silent.url), 'r1', new Uint8Array(10), { name: 'x', signal }), { name: 'TimeoutError' });
});

test('a run that has all the artifacts it may have ends an upload at once', async (t) => {
  const node = await server(t, { ARTIFACTS__MAX_PER_RUN: 1 });
  const context = contextOf(node.url);
  await upload(context, 'r1', new Uint8Array(1), { name: 'first' });
  const began = Date.now();
  const second = upload(context, 'r1', new Uint8Array(2), { name: 'second' });
  await assert.rejects(second, { code: 'too_many_artifacts', status: 429 });
  assert.ok(Date.now() - began < 5_000);
});

test('an upload that is refused is sent once more with another token, and no more', async (t) => {
  let sent = 0;
  const node = await fake(t, async (request, response) => {
    sent += 1;
    await bodyOf(request);
    problem(response, 401, 'credential_expired');
  });
  for (const options of [{ name: 'a.txt' }, { name: 'a.txt', onProgress: () => {} }]) {
    sent = 0;
    let given = 0;
    const tokens = new Tokens(() => `t${(given += 1)}`);
    const context = contextOf(node.url, { token: () => tokens.get(), refuse: (token) => tokens.refuse(token) });
    await assert.rejects(upload(context, 'r1', new Blob(['a']), options), { status: 401 });
    assert.equal(sent, 2, options.onProgress ? 'a stream' : 'a Blob');
  }
});
