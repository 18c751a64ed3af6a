/** The links of a run, put together from what the server lists and from what happened meanwhile. Pure. */

/** `made`: while the list was on its way; `revoked`: the ids of those that were taken back then. */
export function listed<Link extends { id: string }>(
  made: readonly Link[],
  found: readonly Link[],
  revoked: ReadonlySet<string>,
): Link[] {
  const known = new Set(made.map(({ id }) => id));
  return [...made, ...found.filter(({ id }) => !known.has(id) && !revoked.has(id))];
}
