import { isSecretMember } from './names.js';

const DEEPEST = 6;
/** Members and elements of all levels together. */
const MOST_MEMBERS = 500;
const LONGEST_STRING = 2_048;
/** Characters of all strings together. */
const MOST_CHARS = 16_384;
const LONGEST_NAME = 128;
const LEFT_OUT = '…';

/** What params are made of. `mask(text, most)`: a text of so many characters at most, without secrets. */
export function maskedParams(
  params: Record<string, unknown>,
  mask: (text: string, most: number) => string,
  word: string,
): Record<string, unknown> {
  let members = MOST_MEMBERS;
  let chars = MOST_CHARS;
  const string = (text: string) => {
    if (chars <= 0) return LEFT_OUT;
    const masked = mask(text, Math.min(LONGEST_STRING, chars));
    chars -= masked.length;
    return masked;
  };
  const walk = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return string(value);
    if (typeof value === 'bigint') return String(value);
    if (typeof value === 'function' || typeof value === 'symbol') return undefined;
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof Date || value instanceof RegExp) return string(String(value));
    if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
    if (depth >= DEEPEST) return LEFT_OUT;
    if (Array.isArray(value)) return list(value, depth);
    return record(value as Record<string, unknown>, depth);
  };
  const list = (values: unknown[], depth: number) => {
    const all: unknown[] = [];
    for (const value of values) {
      if ((members -= 1) < 0) return [...all, LEFT_OUT];
      all.push(walk(value, depth + 1));
    }
    return all;
  };
  const record = (values: Record<string, unknown>, depth: number) => {
    const all: [string, unknown][] = [];
    for (const name in values) {
      if (!Object.hasOwn(values, name)) continue;
      if ((members -= 1) < 0) {
        all.push([LEFT_OUT, LEFT_OUT]);
        break;
      }
      const value = values[name];
      const isSecret = (typeof value === 'string' || typeof value === 'number') && value !== '' && isSecretMember(name);
      all.push([mask(name, LONGEST_NAME), isSecret ? word : walk(value, depth + 1)]);
    }
    return Object.fromEntries(all);
  };
  return record(params, 0);
}
