import type { Range } from './escapes.js';
import { isSecretField } from './names.js';

/** What a call log says about the field: its locator, and the element that it found. */
const FIELD = /(?:waiting for|Locator:|locator resolved to) +(.*)|Expect "to\w+" (.*) with timeout/g;
/** What is typed into it. */
const TYPED = /(?<=\b(?:fill|type|press|pressSequentially|insertText)\(")(?!"\)[ \t]*$)[\s\S]*?(?="\)[ \t]*$)/dgm;
/** What it is expected to have, and what it has. */
const VALUES =
  /(?<=\b(?:unexpected value|Expected(?: string)?:|Received(?: string)?:) *")(?!"[ \t]*$).+?(?="[ \t]*$)/dgm;
/** The value of an element, in its HTML. */
const ATTRIBUTE = /(?<=\bvalue=")[^"]+(?=")/dg;
/** A call log is not longer. */
const LONGEST_LOG = 65_536;

/** A text that was typed or expected, and where it stands. */
export interface Mention {
  value: string;
  range: Range;
}

/** What an error of Playwright says about the text in a field; of secret fields, or of `all`. */
export function mentions(error: string, all: boolean): Mention[] {
  if (!error.includes('Call log:') && !error.includes('toHaveValue')) return [];
  const text = error.slice(0, LONGEST_LOG);
  if (!all && !isAboutSecret(text)) return [];
  const found = [...text.matchAll(TYPED), ...text.matchAll(ATTRIBUTE)];
  if (text.includes('toHaveValue')) found.push(...text.matchAll(VALUES));
  return found.map(({ 0: value, index }) => ({ value, range: [index, index + value.length] }));
}

function isAboutSecret(text: string): boolean {
  for (const [, field, expected] of text.matchAll(FIELD)) {
    const named = (field ?? expected ?? '').replace(ATTRIBUTE, '');
    if (/\btype="password"/.test(named) || isSecretField(named)) return true;
  }
  return false;
}
