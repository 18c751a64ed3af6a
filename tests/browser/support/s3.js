// The S3 server of the tests (tests/support/s3.rs), as `cargo test` has built it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";

import { TARGET } from "./node.js";

export class S3 {
  #child;

  // `settings`: of a node that stores its artifacts there. `url`: where it is.
  static async start() {
    const s3 = new S3();
    s3.#child = spawn(process.env.RUNCAST_S3_SERVER ?? join(TARGET, "debug", "examples", "s3-server"), { stdio: ["pipe", "pipe", "inherit"] });
    const failed = once(s3.#child, "error").then(([error]) => { throw error; });
    s3.settings = await Promise.race([failed, s3.#told()]);
    s3.url = s3.settings.RUNCAST__OBJECTS__ENDPOINT;
    return s3;
  }

  async #told() {
    const settings = {};
    for await (const line of createInterface({ input: this.#child.stdout })) {
      const at = line.indexOf("=");
      if (at < 0) return settings;
      settings[line.slice(0, at)] = line.slice(at + 1);
    }
    throw new Error("the S3 server has ended");
  }

  async stop() {
    const ended = once(this.#child, "exit");
    this.#child.stdin.end(); // it ends with its input, also when the tests are killed
    await ended;
  }
}
