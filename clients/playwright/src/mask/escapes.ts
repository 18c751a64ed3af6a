/** Colours and other escapes of terminals, as errors and output have them. */
const ESCAPES = /\u001b\[[0-?]*[ -/]*[@-~]/g;
/** An escape that is not complete, or half of a character, at the end of a text. */
const BEGINNING = /(?:\u001b(?:\[[0-?]*[ -/]*)?|[\ud800-\udbff])$/;
const ESC = '\u001b';

/** A part of a text: from its first character to the one behind its last. */
export type Range = [from: number, to: number];

/**
 * A text without its escapes. Playwright underlines where an expected and an actual value differ, so a secret may have
 * escapes in it.
 */
export interface Plain {
  text: string;
  /** Where each of its characters stands in the text with escapes; missing: at the same place. */
  places?: Uint32Array;
}

export function plain(raw: string): Plain {
  if (!raw.includes(ESC)) return { text: raw };
  const places = new Uint32Array(raw.length);
  let text = '';
  let from = 0;
  const keep = (to: number) => {
    for (let at = from, place = text.length; at < to; at += 1, place += 1) places[place] = at;
    text += raw.slice(from, to);
  };
  for (const { 0: escape, index } of raw.matchAll(ESCAPES)) {
    keep(index);
    from = index + escape.length;
  }
  keep(raw.length);
  return { text, places };
}

/** Where an escape or a character begins that is not complete at the end of a text; the text's end if there is none. */
export function openEscape(raw: string): number {
  const tail = Math.max(0, raw.length - 32);
  const found = BEGINNING.exec(raw.slice(tail));
  return found ? tail + found.index : raw.length;
}

/** The ranges in order; those that touch are one. */
export function merged(ranges: Range[]): Range[] {
  const sorted = ranges.filter(([from, to]) => from < to).sort(([one], [other]) => one - other);
  const all: Range[] = [];
  for (const [from, to] of sorted) {
    const last = all.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else all.push([from, to]);
  }
  return all;
}

/** The part of a text between two places, with a word for each of the ranges. Escapes stay: colours end as they did. */
export function replaced(raw: string, { places }: Plain, ranges: Range[], word: string, part: Range): string {
  let text = '';
  let [at] = part;
  for (const range of ranges) {
    const from = places ? places[range[0]]! : range[0];
    const to = places ? places[range[1] - 1]! + 1 : range[1];
    if (to <= at || from >= part[1]) continue;
    if (from > at) text += raw.slice(at, from);
    const hidden = raw.slice(Math.max(at, from), to);
    text += word + (places ? (hidden.match(ESCAPES) ?? []).join('') : '');
    at = to;
  }
  return at < part[1] ? text + raw.slice(at, part[1]) : text;
}
