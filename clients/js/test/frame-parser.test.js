import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BINARY, CLOSE, encodeFrame, FrameParser, parseClose, PING, ProtocolError, TEXT, text } from '../dist/frame-parser.js';

// mulberry32: the same numbers for the same seed.
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

// A server's frame: not masked.
function frame(opcode, payload, { final = true } = {}) {
  const masked = encodeFrame(opcode, payload, new Uint8Array(4));
  const header = masked.length - payload.length - 4;
  const out = Buffer.concat([masked.subarray(0, header), payload]);
  out[0] = (final ? 0x80 : 0) | opcode;
  out[1] &= 0x7f;
  return out;
}

function collector(max) {
  const got = [];
  const take = (opcode, payload) => got.push([opcode, Buffer.from(payload).toString('latin1')]);
  return { got, parser: new FrameParser({ message: take, control: take }, max) };
}

test('any messages, fragmented and cut anyhow, with control frames between, arrive whole and in order', () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9);
  const next = random(seed);
  const upTo = (most) => Math.floor(next() * (most + 1));
  for (let round = 0; round < 300; round++) {
    const wire = [];
    const want = [];
    for (let message = upTo(12); message >= 0; message--) {
      const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000, upTo(300)];
      const payload = Buffer.alloc(sizes[upTo(sizes.length - 1)], upTo(255));
      const opcode = next() < 0.5 ? TEXT : BINARY;
      let at = 0;
      const parts = 1 + upTo(3);
      const controls = [];
      for (let part = 1; part <= parts; part++) {
        const end = part === parts ? payload.length : at + upTo(payload.length - at);
        wire.push(frame(part === 1 ? opcode : 0, payload.subarray(at, end), { final: part === parts }));
        at = end;
        if (part < parts && next() < 0.3) {
          const ping = Buffer.alloc(upTo(125), 7);
          wire.push(frame(PING, ping));
          controls.push([PING, ping.toString('latin1')]);
        }
      }
      want.push(...controls, [opcode, payload.toString('latin1')]);
    }
    const bytes = Buffer.concat(wire);
    const { got, parser } = collector();
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + upTo(next() < 0.5 ? 5 : 100_000);
      parser.push(bytes.subarray(at, at + size));
      at += size;
    }
    assert.deepEqual(got, want, `SEED=${seed} round ${round}`);
  }
});

test('random bytes end in a ProtocolError, or wait for more, and never in anything else', () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9);
  const next = random(seed);
  for (let round = 0; round < 3_000; round++) {
    const { parser } = collector(100_000);
    try {
      for (let chunk = 0; chunk < 5; chunk++) {
        parser.push(Uint8Array.from({ length: Math.floor(next() * 60) }, () => Math.floor(next() * 256)));
      }
    } catch (error) {
      assert.ok(error instanceof ProtocolError, `SEED=${seed}: ${error}`);
    }
  }
});

test('what RFC 6455 forbids a server is refused, with the code to close with', () => {
  const refused = (bytes, code, max) => {
    const { parser } = collector(max);
    assert.throws(() => parser.push(Uint8Array.from(bytes)), (error) => error instanceof ProtocolError && error.closeCode === code);
  };
  refused([0xc1, 0], 1002); // a reserved bit
  refused([0x81, 0x81, 1, 2, 3, 4, 5], 1002); // masked
  refused([0x83, 0], 1002); // a reserved opcode
  refused([0x8b, 0], 1002);
  refused([0x09, 0], 1002); // a control frame in parts
  refused([0x89, 126, 0, 126], 1002); // too long for one
  refused([0x80, 0], 1002); // continues nothing
  refused([0x01, 0, 0x81, 0], 1002); // within another
  refused([0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0], 1009); // 4 GiB
  refused([0x02, 3, 1, 2, 3, 0x80, 3, 1, 2, 3], 1009, 5);
  assert.throws(() => text(Uint8Array.of(0xff)), (error) => error.closeCode === 1007);
  assert.deepEqual(parseClose(Uint8Array.of(0x11, 0x3a, 0x67, 0x6f)), { code: 4410, reason: 'go' });
  assert.equal(parseClose(new Uint8Array(0)).code, 1005);
  for (const bad of [[3], [3, 0xec], [3, 0xed], [0, 1], [0x0b, 0xb7]]) {
    assert.throws(() => parseClose(Uint8Array.from(bad)), (error) => error.closeCode === 1002);
  }
});

test('a frame of the client is masked, and its length has the shortest form', () => {
  for (const [length, header] of [[0, 2], [125, 2], [126, 4], [65_535, 4], [65_536, 10]]) {
    const bytes = encodeFrame(CLOSE, Buffer.alloc(length, 0x0f), Uint8Array.of(0xf0, 0, 0xff, 1));
    assert.equal(bytes.length, header + 4 + length);
    assert.equal(bytes[1] & 0x80, 0x80);
    if (length > 3) assert.deepEqual([...bytes.subarray(header + 4, header + 8)], [0xff, 0x0f, 0xf0, 0x0e]);
  }
});
