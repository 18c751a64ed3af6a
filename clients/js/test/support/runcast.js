// The real server, each with its own data directory.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { BaseUrls } from '../../dist/base-urls.js';
import { createTransport } from '../../dist/transport-node.js';

const BINARY = process.env.RUNCAST_BIN ?? fileURLToPath(new URL('../../../../target/debug/runcast', import.meta.url));

/** Starts a server on a free port; killed with the test. `settings` are `SECTION__KEY: value`. */
export async function server(test, settings = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-js-'));
  const env = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`RUNCAST__${key}`, String(value)]));
  const node = { dir, url: undefined, child: undefined };
  node.start = async () => {
    const bind = node.url ? new URL(node.url).host : '127.0.0.1:0';
    const child = spawn(BINARY, ['serve', '--bind', bind, '--data-dir', dir], { env: { PATH: process.env.PATH, ...env }, cwd: dir });
    node.child = child;
    child.stderr.resume();
    let lines = '';
    for await (const line of createInterface(child.stdout)) {
      lines += `${line}\n`;
      const found = /listens on (http:\S+)/.exec(line);
      if (!found) continue;
      node.url = found[1];
      child.stdout.resume();
      return node;
    }
    throw new Error(`the server did not start:\n${lines}`);
  };
  node.kill = async (signal = 'SIGKILL') => {
    if (node.child.exitCode !== null || node.child.signalCode !== null) return;
    const gone = once(node.child, 'exit');
    node.child.kill(signal);
    await gone;
  };
  node.json = async (path) => (await fetch(node.url + path)).json();
  node.events = async (run) => (await node.json(`/api/runs/${run}/events?limit=10000`)).events ?? [];
  test.after(async () => {
    await node.kill();
    rmSync(dir, { recursive: true, force: true });
  });
  return node.start();
}

/** Runs the command line; resolves to what it prints. */
export async function runcast(...args) {
  try {
    return { code: 0, ...(await promisify(execFile)(BINARY, args)) };
  } catch (error) {
    return error;
  }
}

/** A context for the parts of the client. */
export function contextOf(url, more = {}) {
  const baseUrls = new BaseUrls(url);
  return { baseUrls, transport: createTransport(), token: async () => undefined, clientName: 'runcast-js/0.1.0', ...more };
}

/** Waits until a check returns something true; returns it. */
export async function eventually(check, withinMs = 20_000) {
  const until = Date.now() + withinMs;
  let last;
  for (;;) {
    try {
      last = await check();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > until) throw new Error(`it did not come true; last: ${last?.stack ?? JSON.stringify(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
