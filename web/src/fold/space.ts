/** The bound on the memory of a state, and the texts that are kept within it. All bytes are those of UTF-8. */

/** Most bytes that the tests of a run take. Beyond it no further tests and texts are kept; all are still counted. */
export const MAX_BYTES = 64 * 1024 * 1024;

/** Overhead of an allocation, as the server counts it. */
export const OVERHEAD = 16;

/** What things are counted with besides their texts, in bytes: the same on the server. */
export const SIZES = { test: 320, attempt: 192, step: 160, failedStep: 80, annotation: 32, tag: 16 };

/** Bytes of a text in UTF-8; a half of a surrogate pair counts as U+FFFD. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else {
      // The two units of a pair make four bytes.
      bytes += 2;
      if (isPair(text, at)) at += 1;
    }
  }
  return bytes;
}

function isPair(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  if (unit < 0xd800 || unit >= 0xdc00) return false;
  const next = text.charCodeAt(at + 1);
  return next >= 0xdc00 && next < 0xe000;
}

/** Whether a text has at most so many bytes. */
export function fits(text: string, max: number): boolean {
  return text.length * 3 <= max || (text.length <= max && utf8Length(text) <= max);
}

/** Cuts a text off behind `max` bytes. */
export function clip(text: string, max: number): string {
  if (text.length * 3 <= max) return text;
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    const pair = isPair(text, at);
    bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : pair ? 4 : 3;
    if (bytes > max) return text.slice(0, at);
    if (pair) at += 1;
  }
  return text;
}

/** Bytes of a text with its allocation; 0 for none. */
export function bytesOf(text: string | null | undefined): number {
  return text === null || text === undefined ? 0 : utf8Length(text) + OVERHEAD;
}

/** A text of at most `max` bytes, if there is room for it. */
export function keep(text: string | undefined, max: number, hasRoom: boolean): string | undefined {
  return text === undefined || !hasRoom ? undefined : clip(text, max);
}

/** Orders texts by their bytes in UTF-8. */
export function compareBytes(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    const [left, right] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (left === right) continue;
    // Halves of pairs come behind all other units.
    const rank = (unit: number) => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);
    return rank(left) - rank(right);
  }
  return one.length - other.length;
}
