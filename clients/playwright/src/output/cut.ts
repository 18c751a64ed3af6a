const encoder = new TextEncoder();
/** Bytes of the longest character in UTF-8. */
const CHARACTER_BYTES = 4;

/**
 * The beginning of a text that has at most so many bytes in UTF-8: up to a line's end, if there is one in its second
 * half.
 */
export function cutTo(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const { read } = encoder.encodeInto(text, new Uint8Array(Math.max(0, Math.floor(bytes))));
  const lines = read > 0 ? text.lastIndexOf('\n', read - 1) + 1 : 0;
  return text.slice(0, lines > read / 2 ? lines : read);
}

/** A text in parts of at most so many bytes. */
export function* parts(text: string, bytes: number): Iterable<string> {
  for (let rest = text; rest !== '';) {
    const part = cutTo(rest, Math.max(CHARACTER_BYTES, bytes));
    yield part;
    rest = rest.slice(part.length);
  }
}
