// The worker's session in this process, and a page that takes what it tells.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A module of `src/` with the client as it is for Node.js, whose WebSocket the older ones lack. */
export async function loadForNode(name) {
  const folder = mkdtempSync(join(tmpdir(), 'runcast-web-'));
  const outfile = join(folder, 'module.mjs');
  try {
    await build({
      absWorkingDir: root,
      entryPoints: [`src/${name}`],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      alias: { '@runcast/client': join(root, '../clients/js/dist/viewer.js') },
      logLevel: 'warning',
      sourcemap: 'inline',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const { Session } = await loadForNode('worker/session.ts');

/** The page: what `src/run/store.ts` keeps. */
export class Page {
  head = null;
  connection = null;
  moment = null;
  timeline = null;
  tests = new Map();
  complete = false;
  detail = null;
  log = { rows: [], earlier: false, later: false };
  artifacts = new Map();
  notices = [];
  answers = new Map();
  messages = [];
  #logNumber = 0;
  #calls = 0;

  constructor(baseUrl, runId, { at = null, user = 'ada', phone = false, clientId = 'test-client-0001' } = {}) {
    const open = { type: 'open', baseUrl, runId, user, clientId, at, phone };
    this.session = new Session(open, (message) => this.receive(structuredClone(message)));
    this.session.start();
  }

  tell(message) {
    this.session.take(message);
  }

  openLog(scope = { of: 'run' }, seq) {
    this.#logNumber += 1;
    this.log = { rows: [], earlier: false, later: false };
    this.tell({ type: 'log', log: this.#logNumber, scope, ...(seq !== undefined && { seq }) });
  }

  more(side) {
    this.tell({ type: 'more-log', log: this.#logNumber, side });
  }

  call(method, params) {
    this.#calls += 1;
    const id = this.#calls;
    return new Promise((resolve, reject) => {
      this.answers.set(id, { resolve, reject });
      this.tell({ type: 'call', id, method, params });
    });
  }

  /** Texts of the log's rows. */
  texts() {
    return this.log.rows.map(({ spans }) => spans.map(({ text }) => text).join(''));
  }

  receive(message) {
    this.messages.push(message.type);
    switch (message.type) {
      case 'head':
        this.head = message.head;
        break;
      case 'connection':
        this.connection = message.connection;
        break;
      case 'moment':
        this.moment = message.moment;
        break;
      case 'timeline':
        this.timeline = message.timeline;
        break;
      case 'notice':
        this.notices.push(message.notice);
        break;
      case 'tests':
        if (message.reset) this.tests.clear();
        for (const row of message.rows) this.tests.set(row.key, row);
        this.complete = message.complete;
        break;
      case 'artifacts':
        if (message.reset) this.artifacts.clear();
        for (const row of message.rows) this.artifacts.set(row.artifactId, row);
        break;
      case 'detail': {
        const steps = message.reset || this.detail?.key !== message.key ? new Map() : this.detail.steps;
        for (const step of message.steps) steps.set(`${step.attempt}/${step.id}`, step);
        this.detail = { ...message, steps };
        break;
      }
      case 'log': {
        const { change } = message;
        if (change.log !== this.#logNumber) return;
        const rows = change.reset ? [] : this.log.rows;
        if (change.dropFirst) rows.splice(0, change.dropFirst);
        if (change.dropLast) rows.splice(rows.length - change.dropLast);
        this.log = {
          rows: [...(change.prepend ?? []), ...rows, ...(change.append ?? [])],
          earlier: change.earlier,
          later: change.later,
        };
        break;
      }
      case 'answer':
        this.answers.get(message.id).resolve(message.value);
        break;
      case 'refusal':
        this.answers.get(message.id).reject(Object.assign(new Error(message.detail), message));
        break;
    }
  }
}

/** Waits until a condition holds. */
export async function eventually(condition, within = 20_000) {
  const until = Date.now() + within;
  for (;;) {
    let failure;
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > until) throw failure ?? new Error(`not within ${within} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
