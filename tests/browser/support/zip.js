// A zip file whose entries are stored as they are.

import { crc32 } from "node:zlib";

const LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50; // signatures
const VERSION = 20, UTF8 = 0x0800;

function record(signature, ...fields) { // fields: [bytes, value]
  const out = Buffer.alloc(4 + fields.reduce((sum, [bytes]) => sum + bytes, 0));
  out.writeUInt32LE(signature, 0);
  let at = 4;
  for (const [bytes, value] of fields) at = out.writeUIntLE(value, at, bytes);
  return out;
}

// `files`: contents by name, as texts or bytes.
export function zip(files) {
  const body = [], directory = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const path = Buffer.from(name), data = Buffer.from(content);
    const common = [[2, VERSION], [2, UTF8], [2, 0], [4, 0], [4, crc32(data)], [4, data.length], [4, data.length], [2, path.length], [2, 0]];
    const head = record(LOCAL, ...common);
    body.push(head, path, data);
    directory.push(record(CENTRAL, [2, VERSION], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), path);
    offset += head.length + path.length + data.length;
  }
  const list = Buffer.concat(directory), count = directory.length / 2;
  return Buffer.concat([...body, list, record(END, [2, 0], [2, 0], [2, count], [2, count], [4, list.length], [4, offset], [2, 0])]);
}
