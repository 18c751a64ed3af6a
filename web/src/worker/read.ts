/** Members of events and answers, read one by one: whatever a producer has put there, the worker goes on. */
import { keyOf as foldKeyOf, ofKey } from '../fold/key.js';
import type { Box, ErrorInfo, TestKey } from '../model.js';

export type Members = Record<string, unknown>;

/** An event of the run's log. */
export interface RunEvent extends Members {
  seq: number;
  type: string;
}

export const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
export const numberOf = (value: unknown): number | null => (Number.isFinite(value) ? (value as number) : null);
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
export const textsOf = (value: unknown): string[] => listOf(value).filter((one) => typeof one === 'string') as string[];

/** A whole number, 0 or more. */
export function wholeOf(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}

/** An object; what is none has no members. */
export function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
}

/** Milliseconds since 1970 of a time in RFC 3339. */
export function timeOf(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : at;
}

/** What parts the titles of groups and that of the test. */
export const BETWEEN_TITLES = ' › ';

/** A title, which is a text or a list of them, as one text. */
export function titleOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const titles = textsOf(value);
  return titles.length > 0 ? titles.join(BETWEEN_TITLES) : null;
}

/** An error as a producer tells it: a text, or an object with a message. */
export function errorOf(value: unknown): ErrorInfo | null {
  if (typeof value === 'string') return { message: value, location: null, snippet: null, stack: null };
  const { message, location, snippet, stack } = membersOf(value);
  if (typeof message !== 'string') return null;
  return { message, location: textOf(location), snippet: textOf(snippet), stack: textOf(stack) };
}

/** The seq in a cursor: `epoch:seq`, or `seq`. */
export function seqOf(cursor: unknown): number | null {
  if (typeof cursor !== 'string') return null;
  const seq = Number(cursor.slice(cursor.lastIndexOf(':') + 1));
  return Number.isSafeInteger(seq) ? seq : null;
}

/** The key of a test in a variant. */
export const keyOf = (variant: string | null, testId: string): TestKey => foldKeyOf(variant, testId);

/** The variant and the id in a key. */
export function partsOf(key: TestKey): { variant: string | null; testId: string } {
  const { variant = null, testId = key } = ofKey(key) ?? {};
  return { variant, testId };
}

/** A box, as `{x, y, width, height}` or `[x, y, width, height]`; null: it is none. */
export function boxOf(value: unknown): Box | null {
  const parts = Array.isArray(value) ? value : ['x', 'y', 'width', 'height'].map((name) => membersOf(value)[name]);
  const [x, y, width, height] = parts.map((part) => numberOf(part));
  return x == null || y == null || width == null || height == null ? null : { x, y, width, height };
}
