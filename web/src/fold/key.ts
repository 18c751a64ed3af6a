/** Keys of tests: an id is unique in its variant alone. */

/** The key of a test, the same for the life of a page: it can be kept in links. */
export function keyOf(variant: string | null | undefined, testId: string): string {
  const name = variant ?? '';
  return `${name.length}:${name}${testId}`;
}

/** The variant and the id of a key. */
export function ofKey(key: string): { variant: string | undefined; testId: string } | undefined {
  const colon = key.indexOf(':');
  const end = colon + 1 + Number(key.slice(0, colon));
  if (colon < 1 || !(end <= key.length)) return undefined;
  return { variant: key.slice(colon + 1, end) || undefined, testId: key.slice(end) };
}
