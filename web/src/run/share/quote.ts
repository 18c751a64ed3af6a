/** Words of command lines. */

const SAFE = /^[A-Za-z0-9_@%+=:,./-]+$/;

/**
 * A word of a command line. Double quotes mean the same to every shell as long as nothing in them is special to one; else
 * single quotes, as POSIX has them.
 */
export function quoted(word: string): string {
  if (SAFE.test(word)) return word;
  if (!/["$`!%\u0000-\u001f]|\\(?=[\\]|$)/.test(word)) return `"${word}"`;
  return `'${word.replaceAll('\u0000', '').replaceAll("'", "'\\''")}'`;
}
