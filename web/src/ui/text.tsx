/** Texts of producers, as text: on one line, cut where there is no more room, and whole in the tip. */
import { plain } from './format.js';

/** Characters of a text that are drawn at all; no line has room for more. */
const DRAWN = 400;
/** Characters of it in its tip. */
const TIP = 2_000;
// what is not seen: zero width, marks of direction, fillers, and blanks
const UNSEEN =
  /^[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]*$/u;

/** The text as one line. One that nobody would see is written in escapes. */
export function oneLine(text: string, max = DRAWN): string {
  const line = plain(text.length > 4 * max ? text.slice(0, 4 * max) : text)
    .replace(/\s+/g, ' ')
    .trim();
  if (line === '' || UNSEEN.test(line)) {
    return text === '' ? '(empty)' : escaped(text.slice(0, 24));
  }
  return line.length > max ? `${cutAt(line, max)}…` : line;
}

// never through the middle of a pair
function cutAt(text: string, max: number): string {
  const last = text.charCodeAt(max - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 1 : max);
}

function escaped(text: string): string {
  return [...text].map((one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`).join('');
}

/** A text on one line. Its direction stays its own: nothing beside it turns around. */
export function Text({ of, class: name, tip = true }: { of: string; class?: string; tip?: boolean }) {
  return (
    <bdi class={name === undefined ? 'cut' : `cut ${name}`} title={tip ? oneLine(of, TIP) : undefined}>
      {oneLine(of)}
    </bdi>
  );
}
