// A zstd frame (RFC 8878) whose blocks are raw: valid for every decoder, and made without a library.

const MAGIC = 0xfd2fb528;
const WINDOW_128_KIB = 7 << 3; // window descriptor: exponent 7, which is 2^17
const MOST = 128 * 1024; // bytes of a block

export function zstd(data) {
  const head = Buffer.alloc(6);
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt8(0, 4); // neither size nor checksum
  head.writeUInt8(WINDOW_128_KIB, 5);
  const parts = [head];
  for (let at = 0; at < data.length || at === 0; at += MOST) {
    const block = data.subarray(at, at + MOST);
    const last = at + MOST >= data.length ? 1 : 0;
    const header = Buffer.alloc(3);
    header.writeUIntLE((block.length << 3) | last, 0, 3); // type 0: raw
    parts.push(header, block);
  }
  return Buffer.concat(parts);
}
