/** Base64 of fewer characters would be found where it is none. */
const SHORTEST_BASE64 = 8;

/** A value, and how it looks in JSON, in code, in URLs and in HTML. */
export function encodings(value: string): Set<string> {
  const json = escaped(value);
  const url = encodeURIComponent(value.replace(/\p{Surrogate}/gu, '\ufffd'));
  const all = new Set([value, json, escaped(json), value.replace(/[\\']/g, '\\$&'), url, url.replaceAll('%20', '+')]);
  // As browsers write it in an address: `@` and `/` stay.
  all.add(url.replace(/%(?:2[1467-9BCF]|3[ABDF]|40)/g, (code) => decodeURIComponent(code)));
  all.add(value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'));
  return all;
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** What Base64 of any text has in it that has the value in it: by what stands before it there are three forms. */
export function* base64(value: string): Iterable<string> {
  const bytes = Buffer.from(value);
  for (const before of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // Characters that also depend on what stands around the value.
    const from = before === 0 ? 0 : before + 1;
    const whole = Math.floor(((before + bytes.length) * 8) / 6);
    const form = text.slice(from, whole);
    if (form.length < SHORTEST_BASE64) continue;
    yield form;
    if (/[+/]/.test(form)) yield form.replaceAll('+', '-').replaceAll('/', '_');
  }
}
