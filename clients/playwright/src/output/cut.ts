/** The beginning of a text that has at most so many bytes in UTF-8: up to a line's end, if there is one in its second half. */
export function cutTo(text: string, bytes: number): string {
  const all = Buffer.byteLength(text);
  if (all <= bytes) return text;
  let length = Math.min(text.length, Math.max(0, Math.floor(bytes)));
  for (let size = Buffer.byteLength(text.slice(0, length)); size > bytes && length > 0; ) {
    length = Math.min(length - 1, Math.floor((length * bytes) / size));
    size = Buffer.byteLength(text.slice(0, length));
  }
  const line = length > 0 ? text.lastIndexOf('\n', length - 1) + 1 : 0;
  if (line > length / 2) return text.slice(0, line);
  const isHalf = length > 0 && /[\ud800-\udbff]/.test(text[length - 1]!);
  return text.slice(0, isHalf ? length - 1 : length);
}

/** A text in parts of at most so many bytes. */
export function* parts(text: string, bytes: number): Iterable<string> {
  for (let rest = text; rest !== ''; ) {
    // A character has at most four bytes.
    const part = cutTo(rest, bytes) || rest.slice(0, 2);
    yield part;
    rest = rest.slice(part.length);
  }
}
