// A producer of a live trace: posts the entries of a trace piece by piece, as a test that runs would.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { unzip } from "./unzip.js";

const TRACE = fileURLToPath(new URL("../../data/trace.zip", import.meta.url));
const PARTS = "application/vnd.runcast.trace-parts";
const MOST_BYTES = 3_000_000, MOST_PARTS = 200; // of a batch

function part(entry, offset, bytes) {
  const header = Buffer.from(JSON.stringify({ entry, offset, size: bytes.length }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, header, bytes]);
}

export class LiveTrace {
  #at = {}; // bytes that were posted, by entry

  constructor(entries, run, trace) {
    this.entries = entries;
    this.path = `/api/runs/${run}/live-traces/${trace}`;
    this.viewer = `/live-traces/${run}/${trace}/v/?isServer`;
  }

  static async recorded(run = "r", trace = "t") {
    return new LiveTrace(unzip(await readFile(TRACE)), run, trace);
  }

  // Posts parts, [entry, offset, bytes] each, and returns the answer.
  async post(url, parts) {
    return fetch(url + this.path, { method: "POST", headers: { "content-type": PARTS }, body: Buffer.concat(parts.map((given) => part(...given))) });
  }

  // Posts what is new of a trace of which `share` has been recorded: that share of its lines, and all other files.
  async grow(url, share) {
    const parts = [];
    for (const [entry, bytes] of Object.entries(this.entries)) {
      const from = this.#at[entry] ?? 0;
      let to = bytes.length;
      if (/\.(trace|network)$/.test(entry) && share < 1) {
        const ends = [...bytes.keys()].filter((at) => bytes[at] === 10);
        to = ends.length === 0 ? 0 : ends[Math.ceil(share * ends.length) - 1] + 1;
      }
      let rest = bytes.subarray(from, to);
      if (/\.(trace|network)$/.test(entry) && rest.length > 0 && rest.at(-1) !== 10) rest = Buffer.concat([rest, Buffer.from("\n")]);
      if (rest.length > 0 || !(entry in this.#at)) parts.push([entry, from, rest]);
      this.#at[entry] = from + rest.length;
    }
    let batch = [];
    const send = async () => {
      if (batch.length === 0) return;
      const answer = await this.post(url, batch);
      if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`);
      batch = [];
    };
    for (const given of parts) {
      const bytes = batch.reduce((sum, [, , bytes]) => sum + bytes.length + 300, 0);
      if (bytes + given[2].length > MOST_BYTES || batch.length === MOST_PARTS) await send();
      batch.push(given);
    }
    await send();
  }
}
