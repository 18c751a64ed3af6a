// Real nodes around a Redis and a PostgreSQL, as scripts/cluster starts them.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { BINARY } from "./node.js";

const SCRIPT = fileURLToPath(new URL("../../../scripts/cluster", import.meta.url));

const children = new Set();
// Also of a test that was given up before its cluster was ready.
process.on("exit", () => {
  for (const child of children) child.kill("SIGTERM");
});

export class Cluster {
  #home;
  #child;
  nodes = []; // their addresses
  logs = "";

  // Starts so many nodes, and waits until all are ready.
  static async start(count, settings, args = []) {
    const cluster = new Cluster();
    cluster.#home = await mkdtemp(join(tmpdir(), "runcast-cluster-"));
    const all = [SCRIPT, "--nodes", count, "--no-nginx", "--bin", BINARY, "--dir", cluster.#home, ...args];
    cluster.#child = spawn("python3", all.map(String), { env: { ...process.env, ...settings }, stdio: ["ignore", "pipe", "inherit"] });
    children.add(cluster.#child);
    cluster.#child.once("exit", () => children.delete(cluster.#child));
    const ready = new Promise((resolve, reject) => {
      createInterface({ input: cluster.#child.stdout }).on("line", (line) => {
        cluster.logs += `${line}\n`;
        const found = line.match(/^node-\d+ +(http:\S+)/);
        if (found) cluster.nodes.push(found[1]);
        if (cluster.nodes.length === count) resolve();
      });
      cluster.#child.once("error", reject);
      cluster.#child.once("exit", () => reject(new Error(cluster.logs)));
    });
    try {
      await ready;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  async stop() {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once("exit", resolve));
      this.#child.kill("SIGTERM");
      await ended;
    }
    await rm(this.#home, { recursive: true, force: true });
  }
}
