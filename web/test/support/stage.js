// A real server with the demo, the pages of src/ in front of it, and Chromium.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { eventually, launch } from '../../../tests/browser/support/browser.js';

export { eventually };

const root = fileURLToPath(new URL('../../..', import.meta.url));
const BIN = process.env.RUNCAST_BIN ?? process.env.RUNCAST_BINARY ?? join(root, 'target/debug/runcast');

/** Starts a process, and waits for a line of its output. */
function started(command, args, options, line) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const said = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (text) => {
        said.push(text);
        const match = line.exec(text);
        if (match !== null) resolve({ child, url: match[1] });
      });
    }
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}:\n${said.slice(-20).join('\n')}`)));
  });
}

export class Stage {
  /** The server with these arguments behind `serve`, and the pages in front of it. */
  static async start(...args) {
    const stage = new Stage();
    stage.data = mkdtempSync(join(tmpdir(), 'runcast-stage-'));
    const options = { cwd: stage.data, env: { ...process.env, NO_COLOR: '1' } };
    const server = await started(
      BIN,
      ['serve', '--bind', '127.0.0.1:0', '--data-dir', join(stage.data, 'data'), ...args],
      options,
      /(http:\/\/127\.0\.0\.1:\d+)/,
    );
    stage.server = server.child;
    stage.api = `${server.url}/api/runs`;
    const env = { ...process.env, RUNCAST_URL: server.url, PORT: '0' };
    const pages = await started(
      process.execPath,
      [join(root, 'web/scripts/dev.mjs')],
      { env },
      /^(http:\/\/127\.0\.0\.1:\d+)/,
    );
    stage.pages = pages.child;
    stage.url = pages.url;
    stage.browser = await launch();
    stage.faults = [];
    return stage;
  }

  /** A tab of somebody. What its scripts fail with, and what its policy refuses, is in `faults`. */
  async tab(path, options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => this.faults.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        this.faults.push(message.text());
    });
    await page.goto(this.url + path);
    return page;
  }

  async json(path, body) {
    const init =
      body === undefined
        ? {}
        : {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'runcast-user': 'carl' },
            body: JSON.stringify(body),
          };
    return (await fetch(this.api + path, init)).json();
  }

  /** Posts, or with `method` puts, bytes or JSON as a producer would. */
  async post(path, body, headers = {}, method = 'POST') {
    const isBytes = body instanceof Uint8Array;
    const init = {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: isBytes ? body : JSON.stringify(body),
    };
    const answer = await fetch(this.api + path, init);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  /** The events of a run so far. */
  async events(run) {
    return (await this.json(`/${run}/events?limit=1000`)).events;
  }

  async stop() {
    await this.browser?.close();
    for (const child of [this.pages, this.server]) {
      if (child === undefined || child.exitCode !== null) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.data, { recursive: true, force: true });
  }
}
