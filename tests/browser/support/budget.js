// What a page and its worker cost: requests, bytes, nodes, memory.

import { setTimeout as rest } from "node:timers/promises";

import { lines } from "../../../web/bench/events.mjs";

const MOST_EVENTS = 10_000, MOST_BYTES = 4_000_000; // of a batch, as a server takes them

// Posts a large run of `count` events, mostly output.
export async function postLarge(node, run, count) {
  let [batch, bytes] = [[], 0];
  for (const line of lines(count, 2_000, 2)) {
    if (batch.length === MOST_EVENTS || bytes + line.length >= MOST_BYTES) {
      await node.post(run, batch);
      [batch, bytes] = [[], 0];
    }
    batch.push(line);
    bytes += line.length + 1;
  }
  await node.post(run, batch);
}

// Waits until the server has folded a run and listed its events by their tests: then it answers at once.
export async function warm(node, run, count) {
  const paths = ["?resume=1", `/tests?at=${count}&resume=1`, "/timeline", `/events?types=ask&before=${count}`];
  for (const path of paths) {
    for (let answer; answer?.ok !== true; await answer.arrayBuffer()) {
      if (answer !== undefined) await rest(200);
      answer = await fetch(`${node.url}/api/runs/${run}${path}`);
      if (!answer.ok && answer.status !== 503) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    }
  }
}

// Runs in a page before its scripts: notes in `painted` when the run's word was first painted, and when a line of its log
// was, in milliseconds since 1970, and how many nodes there were then.
export function notePaints() {
  const awaited = { word: "header h1", line: '[aria-label="Lines of the log"] [role="row"]' };
  globalThis.painted = {};
  const observer = new MutationObserver(() => {
    for (const [name, selector] of Object.entries(awaited)) {
      if (document.querySelector(selector) === null) continue;
      delete awaited[name];
      requestAnimationFrame(() => {
        const nodes = document.querySelectorAll("*").length;
        globalThis.painted[name] = { nodes, at: performance.timeOrigin + performance.now() };
      });
    }
    if (Object.keys(awaited).length === 0) observer.disconnect();
  });
  observer.observe(document, { childList: true, subtree: true });
}

// Waits until it was painted, and returns what was noted.
export async function painted(tab, name) {
  await tab.waitForFunction((name) => globalThis.painted[name] !== undefined, name);
  return tab.evaluate((name) => globalThis.painted[name], name);
}

// What page and worker have loaded: path, bytes as they came, and when each was asked for, in milliseconds since 1970.
export async function loaded(tab) {
  const read = () => performance.getEntries().filter(({ entryType }) => ["navigation", "resource"].includes(entryType))
    .map(({ name, transferSize, startTime }) => ({ path: new URL(name).pathname, query: new URL(name).search, bytes: transferSize, at: performance.timeOrigin + startTime }));
  const [worker] = tab.workers();
  return [...await tab.evaluate(read), ...(worker === undefined ? [] : await worker.evaluate(read))];
}

export const bytesOf = (requests) => requests.reduce((sum, { bytes }) => sum + bytes, 0);

// Bytes that scripts hold after a collection: those of the page, and those of its worker.
export class Heaps {
  #session;
  #waiting = new Map();
  #workers = [];
  #calls = 0;

  // To be called before the page is opened.
  static async of(tab) {
    const heaps = new Heaps();
    const session = heaps.#session = await tab.context().newCDPSession(tab);
    session.on("Target.attachedToTarget", ({ sessionId }) => heaps.#workers.push(sessionId));
    session.on("Target.receivedMessageFromTarget", ({ message }) => {
      const { id, result, error } = JSON.parse(message);
      heaps.#waiting.get(id)?.(result ?? Promise.reject(new Error(JSON.stringify(error))));
    });
    await session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
    return heaps;
  }

  async measure() {
    const [worker] = this.#workers;
    if (worker === undefined) throw new Error("the page has no worker");
    const page = await heap((method) => this.#session.send(method));
    return { page, worker: await heap((method) => this.#ask(worker, method)) };
  }

  async #ask(sessionId, method) {
    const id = (this.#calls += 1);
    const answer = new Promise((resolve) => this.#waiting.set(id, resolve));
    await this.#session.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method }) });
    return answer;
  }
}

async function heap(send) {
  await send("HeapProfiler.collectGarbage");
  const { usedSize, embedderHeapUsedSize, backingStorageSize } = await send("Runtime.getHeapUsage");
  return usedSize + embedderHeapUsedSize + backingStorageSize;
}
