// A real server process on its own data directory and a free port.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
export const BINARY =
  process.env.RUNCAST_BINARY ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'debug', 'runcast');

if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: cargo build, or name one by RUNCAST_BINARY`);

const children = new Set();
// Also of a test that has been given up.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export class Server {
  #settings;
  #child;

  // `settings`: as environment variables; `port`: 0 takes a free one.
  static async start(settings = {}, port = 0) {
    const server = new Server();
    server.home = await mkdtemp(join(tmpdir(), 'runcast-client-'));
    server.#settings = settings;
    try {
      await server.run(port);
    } catch (error) {
      await rm(server.home, { recursive: true, force: true });
      throw error;
    }
    return server;
  }

  get data() {
    return join(this.home, 'data');
  }

  get port() {
    return Number(new URL(this.url).port);
  }

  // Starts the process and waits until it tells its address.
  async run(port) {
    const env = { RUNCAST__LOG__FILTER: 'warn', RUNCAST__SERVER__DRAIN_SECS: '10', ...this.#settings };
    const args = ['serve', '--bind', `127.0.0.1:${port}`, '--data-dir', this.data];
    const child = spawn(BINARY, args, { cwd: this.home, env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    children.add(child);
    child.once('exit', () => children.delete(child));
    const lines = createInterface({ input: child.stdout });
    this.url = await new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        const found = line.match(/http:\/\/127\.0\.0\.1:\d+/);
        if (found) resolve(found[0]);
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`the server ended: ${code ?? signal}`)));
    });
  }

  signal(name) {
    this.#child.kill(name);
  }

  // Ends the process and resolves to how it ended: an exit code or a signal's name.
  async end(signal = 'SIGKILL') {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    }
    return child.exitCode ?? child.signalCode;
  }

  // The same server again: same port, same data.
  restart() {
    return this.run(this.port);
  }

  async stop() {
    await this.end();
    await rm(this.home, { recursive: true, force: true });
  }

  async post(run, events, headers = {}) {
    return post(this.url, run, events, headers);
  }

  async frame(run, image, headers = {}) {
    const answer = await fetch(`${this.url}/api/runs/${run}/frame`, {
      method: 'POST', headers: { 'content-type': 'image/jpeg', ...headers }, body: image,
    });
    if (!answer.ok) throw new Error(`frame: ${answer.status} ${await answer.text()}`);
    return answer;
  }
}

export async function post(url, run, events, headers = {}) {
  const body = events.map((event) => JSON.stringify(event)).join('\n');
  const answer = await fetch(`${url}/api/runs/${run}/events`, {
    method: 'POST', headers: { 'content-type': 'application/x-ndjson', ...headers }, body,
  });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(`${answer.status} ${JSON.stringify(told)}`), { status: answer.status, told });
  return told;
}

// Changes the journal of a server that is down.
export function edit(server, sql) {
  const script = 'import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.execute(sys.argv[2])\ndb.commit()';
  execFileSync('python3', ['-c', script, join(server.data, 'journal.db'), sql]);
}

// Events `first..=last`, each with its number.
export function numbered(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => ({ type: 'log', n: first + index }));
}

// A producer that posts numbered events until they are stored, whatever happens to the servers. `urls`: tried in turn.
export class Producer {
  #seq = 0;
  #at = 0;
  constructor(urls, run, id = `p-${Math.random().toString(36).slice(2)}`) {
    Object.assign(this, { urls, run, id });
  }

  async post(events) {
    const headers = { 'runcast-producer': this.id, 'runcast-producer-seq': String(this.#seq + 1) };
    await eventually(async () => {
      const url = this.urls[this.#at++ % this.urls.length];
      try {
        await post(url, this.run, events, headers);
        return true;
      } catch (error) {
        if (error.status !== undefined && error.status < 500) throw error;
        return false;
      }
    }, 60_000);
    this.#seq += events.length;
  }
}

// Waits until `condition` holds, and returns its value.
export async function eventually(condition, withinMs = 20_000) {
  const end = Date.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const watches = new Set();

// Ends all watches whose events were collected: one that still reconnects would keep the process alive.
export function closeWatches() {
  for (const watch of watches) watch.close();
}

// Collects a watch's events in the background; `until(n)` waits until there are as many.
export function collect(watch) {
  watches.add(watch);
  const events = [];
  let failure;
  const done = (async () => {
    for await (const event of watch) events.push(event);
  })().catch((error) => (failure = error));
  return {
    events, done,
    get failure() {
      return failure;
    },
    async until(count, withinMs = 30_000) {
      await eventually(() => {
        if (failure) throw failure;
        return events.length >= count;
      }, withinMs).catch((error) => {
        throw failure ?? new Error(`${events.length} of ${count} events, status ${watch.status}: ${error.message}`);
      });
      return events;
    },
  };
}

export function statuses(watch) {
  const seen = [];
  watch.addEventListener('status', ({ detail }) => seen.push(detail));
  return seen;
}

// A port that nobody listens on now.
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
