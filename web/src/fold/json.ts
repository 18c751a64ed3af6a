/** Reads members of events: parsed JSON in which any member may be anything. Texts are as the server reads them. */

/** Something that was parsed. */
export type Json = unknown;

/** An object of an event. Read its members by names that no object has by itself. */
export type Members = { readonly [name: string]: Json };

const HALF = /\p{Surrogate}/u;
const HALVES = /\p{Surrogate}/gu;

/** The text with each half of a surrogate pair replaced by U+FFFD. */
export function wellFormed(text: string): string {
  return HALF.test(text) ? text.replace(HALVES, '\uFFFD') : text;
}

export function object(value: Json): Members | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
}

/** The items of a list; none of what is no list. */
export function items(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: Json): string | undefined {
  return typeof value === 'string' ? wellFormed(value) : undefined;
}

export function number(value: Json): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

const MAX_U32 = 2 ** 32 - 1;

/** A whole number that a double holds. */
export function integer(value: Json): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value + 0 : undefined;
}

/** A whole number from 0. */
export function whole(value: Json): number | undefined {
  const found = integer(value);
  return found !== undefined && found >= 0 ? found : undefined;
}

/** A whole number of 32 bits. */
export function u32(value: Json): number | undefined {
  const found = whole(value);
  return found !== undefined && found <= MAX_U32 ? found : undefined;
}

/** A copy of parsed JSON in which all texts are whole. */
export function wholeTexts(value: Json): Json {
  if (typeof value === 'string') return wellFormed(value);
  if (Array.isArray(value)) return value.map(wholeTexts);
  const members = object(value);
  if (members === undefined) return value;
  return Object.fromEntries(Object.entries(members).map(([name, member]) => [wellFormed(name), wholeTexts(member)]));
}
