// A real server process on its own data directory and a free port.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"); // what cargo has built
export const BINARY = process.env.RUNCAST_BIN ?? join(TARGET, "debug", "runcast");
export const VIEWER = join(ROOT, "trace-viewer"); // as scripts/trace-viewer fetches it
const EVENTS = { "content-type": "application/x-ndjson" };

const EDIT = `
import sqlite3, sys
file, sql, *values = sys.argv[1:]
db = sqlite3.connect(file)
db.execute(sql, values)
db.commit()
`;

export class Node {
  #home;
  #child;
  #settings;
  #args;

  constructor(home, settings, args) {
    this.#home = home;
    this.#settings = settings;
    this.#args = args;
  }

  static async start(settings = {}, args = []) {
    const node = new Node(await mkdtemp(join(tmpdir(), "runcast-browser-")), settings, args);
    await node.run("127.0.0.1:0");
    return node;
  }

  // Starts the process and waits until it tells its address.
  async run(bind) {
    const env = {
      RUNCAST__LOG__FILTER: "warn", RUNCAST__SERVER__DRAIN_SECS: "10",
      RUNCAST__ARTIFACTS__TRACE_VIEWER_DIR: VIEWER, ...this.#settings,
    };
    const args = ["serve", "--bind", bind, "--data-dir", join(this.#home, "data"), ...this.#args];
    this.#child = spawn(BINARY, args, { cwd: this.#home, env, stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: this.#child.stdout });
    const started = new Promise((resolve, reject) => {
      lines.on("line", (line) => {
        const url = line.match(/http:\/\/127\.0\.0\.1:\d+/);
        if (url) resolve(url[0]);
      });
      this.#child.once("error", reject);
      this.#child.once("exit", (code, signal) => reject(new Error(`the server ended: ${code ?? signal}`)));
    });
    this.url = await started;
  }

  // The key that a server makes where a credential is needed.
  async firstKey() {
    return (await readFile(join(this.#home, "data", "admin.key"), "utf8")).trim();
  }

  // Ends the process, and resolves to how it ended: an exit code or a signal's name.
  async end(signal) {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return exitCode ?? signalCode;
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    const [code, name] = await ended;
    return code ?? name;
  }

  // The same server again: same port, same data.
  async restart() {
    await this.run(new URL(this.url).host);
  }

  async stop() {
    await this.end("SIGKILL");
    await rm(this.#home, { recursive: true, force: true });
  }

  // Posts events, given as lines or as objects, and returns the server's answer.
  async post(run, events) {
    const body = events.map((event) => typeof event === "string" ? event : JSON.stringify(event)).join("\n");
    return this.#send(`/api/runs/${run}/events`, EVENTS, body);
  }

  // Stores events of a type that is reserved, as older versions took them from producers: they are posted under another type,
  // and renamed in the journal while the server is down.
  async storeReserved(run, type, events) {
    const standIn = "-".repeat(type.length); // a type of the same length: the journal counts bytes
    await this.post(run, events.map((event) => ({ ...event, type: standIn })));
    const replaced = "UPDATE segments SET body = CAST(replace(CAST(body AS TEXT), ?, ?) AS BLOB)";
    await this.editJournal(replaced, `"type":"${standIn}"`, `"type":"${type}"`);
  }

  // Changes the journal while the server is down, and starts it again.
  async editJournal(sql, ...values) {
    const ended = await this.end("SIGTERM");
    if (ended !== 0) throw new Error(`the server ended: ${ended}`);
    await promisify(execFile)("python3", ["-c", EDIT, join(this.#home, "data", "journal.db"), sql, ...values]);
    await this.restart();
  }

  // Uploads an artifact, and returns it.
  async upload(run, name, kind, body, contentType = "application/octet-stream") {
    const headers = { "content-type": contentType, "runcast-kind": kind };
    return this.#send(`/api/runs/${run}/artifacts/${name}`, headers, body, "PUT");
  }

  async postFrame(run, image, stream) {
    const headers = { "content-type": "image/png", ...(stream && { "runcast-stream": stream }) };
    return this.#send(`/api/runs/${run}/frame`, headers, image);
  }

  async #send(path, headers, body, method = "POST") {
    const answer = await fetch(this.url + path, { method, headers, body });
    const told = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${JSON.stringify(told)}`);
    return told;
  }
}
