/** Characters that nobody sees, and that change how the text around them is shown. */

/** Marks of direction and separators. */
const HARMFUL = /[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** The text with each of them as what it is: `[U+202E]`. For texts that are read letter by letter: logs, errors, code. */
export function withMarks(text: string): string {
  return text.replace(HARMFUL, (mark) => `[U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}]`);
}
