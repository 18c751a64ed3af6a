// The programs of docs/clients.md, run as they stand there.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { eventually, Server } from './support/server.js';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(new URL('../../../docs/clients.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```(\w+) (\w+)\n([^]*?)^```$/gm)].map(([, language, part, code]) => ({ language, part, code }));
const PROGRAMS = {
  js: (code) => ['node', '--input-type=module', '--eval', code],
  sh: (code) => ['sh', '-c', code],
  python: (code) => ['python3', '-u', '-c', code],
};

function start({ language, code }, url) {
  const [program, ...args] = PROGRAMS[language](code);
  const child = spawn(program, args, { cwd: PACKAGE, env: { ...process.env, RUNCAST_URL: url }, stdio: ['ignore', 'pipe', 'inherit'] });
  const told = { output: '' };
  child.stdout.on('data', (chunk) => (told.output += chunk));
  told.ended = new Promise((resolve) => child.once('close', resolve));
  return told;
}

const part = (name) => blocks.filter((block) => block.part === name);

test('docs/clients.md has viewers and producers of ten lines each, and no other code', () => {
  assert.deepEqual(part('viewer').map(({ language }) => language), ['js', 'python']);
  assert.deepEqual(part('producer').map(({ language }) => language), ['js', 'sh']);
  assert.equal(page.match(/^```/gm).length, 2 * blocks.length);
  for (const { code, language } of blocks) assert.ok(code.trim().split('\n').length <= 11, `${language}: ${code}`);
});

for (const producer of part('producer')) {
  test(`what the producer in ${producer.language} posts, all viewers of docs/clients.md tell`, async () => {
    const server = await Server.start();
    try {
      const viewers = part('viewer').map((viewer) => start(viewer, server.url));
      await eventually(async () => (await (await fetch(`${server.url}/api/runs/nightly/viewers`)).json()).viewers === 1);
      assert.equal(await start(producer, server.url).ended, 0);
      for (const viewer of viewers) {
        assert.equal(await viewer.ended, 0);
        const want = 'run_status running\ntest_status running\ntest_status passed\nrun_status passed\n';
        assert.equal(viewer.output, want);
      }
    } finally {
      await server.stop();
    }
  });
}
