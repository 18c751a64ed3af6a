// The entries of a zip file: { name: bytes }, in its order. For the files in tests/data, which have no comment.

import { inflateRawSync } from "node:zlib";

const END_BYTES = 22, DEFLATED = 8;

export function unzip(file) {
  const end = file.length - END_BYTES;
  const entries = {};
  let at = file.readUInt32LE(end + 16);
  for (let left = file.readUInt16LE(end + 10); left > 0; left--) {
    const method = file.readUInt16LE(at + 10), size = file.readUInt32LE(at + 20), local = file.readUInt32LE(at + 42);
    const [name, extra, comment] = [28, 30, 32].map((field) => file.readUInt16LE(at + field));
    const begin = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    const data = file.subarray(begin, begin + size);
    entries[file.toString("utf8", at + 46, at + 46 + name)] = method === DEFLATED ? inflateRawSync(data) : data;
    at += 46 + name + extra + comment;
  }
  return entries;
}
