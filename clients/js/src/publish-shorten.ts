/** Longest strings, in characters, and longest lists to which an event's are cut until it fits. */
const CUTS = [
  { chars: 16_384, items: Infinity },
  { chars: 4_096, items: Infinity },
  { chars: 1_024, items: Infinity },
  { chars: 256, items: Infinity },
  { chars: 256, items: 100 },
  { chars: 256, items: 10 },
];

/** Most members of an object in an event whose lists are cut. */
const MEMBERS = 100;

/**
 * A shorter form of an event's JSON that has at most `maxChars` characters: its long strings are cut, and if that is
 * not enough its long lists and objects, so that it still says what it said. `shortened` says that the latter has
 * happened. An event that can't be cut so far becomes a `log` event that names it.
 */
export function shortened(text: string, maxChars: number, reason: string): string {
  const event = JSON.parse(text) as Record<string, unknown>;
  for (const { chars, items } of CUTS) {
    const marked = items === Infinity ? event : { ...event, shortened: true };
    const cut = JSON.stringify(marked, (name, value: unknown) => {
      if (typeof value === 'string') return cutTo(value, chars);
      return name === '' ? value : firstOf(value, items);
    });
    if (cut.length <= maxChars) return cut;
  }
  const named = (name: string) => (typeof event[name] === 'string' ? { [name]: cutTo(event[name], 256) } : {});
  return JSON.stringify({
    type: 'log',
    ...named('timestamp'),
    ...named('testId'),
    text: `An event of type ${cutTo(String(event['type']), 64)} with ${text.length} characters was left out: ${reason}`,
    data: { head: cutTo(text, 256), characters: text.length, reason: cutTo(reason, 256) },
  });
}

function cutTo(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most).replace(/[\ud800-\udbff]$/, '')}… (${text.length - most} characters more)`;
}

/** The first of a list, or of a large object's members. */
function firstOf(value: unknown, most: number): unknown {
  if (Array.isArray(value)) return value.slice(0, most);
  if (typeof value !== 'object' || value === null || most === Infinity) return value;
  return Object.fromEntries(Object.entries(value).slice(0, MEMBERS));
}
