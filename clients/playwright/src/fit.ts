// An event has at most 256 KiB. What tests bring along has no limit, so it is cut here.

/** Characters of a title, a subtitle, or the description of an annotation. */
export const TITLE_CHARS = 1_024;
/** Characters of the parameters of a step, as JSON. */
const PARAMS_CHARS = 8_192;
/** Characters of a text in parameters that are too long. */
const PARAM_CHARS = 256;

/** A text of at most so many characters, behind which stands how many are missing. `chars`: how many it had. */
export function cutTo(text: string, most: number, chars = text.length): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most).replace(/[\ud800-\udbff]$/, '')}… (${chars - most} characters more)`;
}

/** As many of a list as fit into so many bytes of JSON; `more` makes an entry that says how many are missing. */
export function firstOf<T, U>(
  list: readonly T[],
  most: number,
  make: (entry: T) => U,
  more: (count: number) => U,
): U[] {
  const first: U[] = [];
  let bytes = 0;
  for (const entry of list) {
    const made = make(entry);
    bytes += Buffer.byteLength(JSON.stringify(made)) + 1;
    if (bytes > most) return [...first, more(list.length - first.length)];
    first.push(made);
  }
  return first;
}

/** Parameters of a step. Too long ones have shorter texts or, if that does not help, are the beginning of their JSON. */
export function fitParams(params: Record<string, unknown>): Record<string, unknown> {
  const json = JSON.stringify(params);
  if (json.length <= PARAMS_CHARS) return params;
  const cut = JSON.stringify(params, (_, value: unknown) =>
    typeof value === 'string' ? cutTo(value, PARAM_CHARS) : value,
  );
  if (cut.length <= PARAMS_CHARS) return JSON.parse(cut) as Record<string, unknown>;
  return { json: cutTo(json, PARAMS_CHARS / 4) };
}
