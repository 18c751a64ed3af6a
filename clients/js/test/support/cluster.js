// A cluster: nodes with a Redis and a PostgreSQL of their own.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { eventually, freePort, Server } from './server.js';

const DEBIAN = '/usr/lib/postgresql';

export class Cluster {
  nodes = [];
  #home = mkdtempSync(join(tmpdir(), 'runcast-cluster-'));
  #processes = [];

  static async start(count, settings = {}) {
    const cluster = new Cluster();
    try {
      const redis = await cluster.#redis();
      const database = await cluster.#postgres();
      const all = { REDIS_URL: redis, DATABASE_URL: database, ...settings };
      for (let n = 0; n < count; n++) {
        cluster.nodes.push(await Server.start({ ...all, RUNCAST__SERVER__NODE_ID: `node-${n}` }));
      }
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get urls() {
    return this.nodes.map(({ url }) => url);
  }

  async stop() {
    await Promise.all(this.nodes.map((node) => node.stop()));
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGINT');
      await once(child, 'exit');
    }
    rmSync(this.#home, { recursive: true, force: true });
  }

  #spawn(program, args, options = {}) {
    const child = spawn(program, args, { stdio: 'ignore', cwd: this.#home, ...options });
    this.#processes.push(child);
    process.once('exit', () => child.kill('SIGKILL'));
    return child;
  }

  async #redis() {
    const port = await freePort();
    this.#spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']);
    await eventually(() => answers(port));
    return `redis://127.0.0.1:${port}`;
  }

  // PostgreSQL does not run as root.
  async #postgres() {
    const bin = existsSync(DEBIAN) ? join(DEBIAN, readdirSync(DEBIAN).sort().at(-1), 'bin') : '';
    const password = join(this.#home, 'password');
    writeFileSync(password, 'hunter2');
    const identity = {};
    if (process.getuid() === 0) {
      const users = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
      const [, , uid, gid] = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
      Object.assign(identity, { uid: Number(uid), gid: Number(gid) });
      for (const path of [this.#home, password]) chownSync(path, identity.uid, identity.gid);
    }
    const data = join(this.#home, 'pg');
    const make = ['-D', data, '-U', 'admin', `--pwfile=${password}`, '--auth=scram-sha-256', '--no-sync', '--encoding=UTF8', '--locale=C'];
    execFileSync(join(bin, 'initdb'), make, { stdio: 'ignore', cwd: this.#home, ...identity });
    const port = await freePort();
    this.#spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), '-k', this.#home, '-c', 'fsync=off'], identity);
    await eventually(() => answers(port));
    return `postgres://admin:hunter2@127.0.0.1:${port}/postgres`;
  }
}

async function answers(port) {
  const socket = dial(port, '127.0.0.1');
  const took = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(() => false);
  socket.destroy();
  return took;
}
