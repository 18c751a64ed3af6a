/** Output as the log shows it: lines that are bounded, and harmless to the text around them. */
import type { Span } from '../model.js';
import { type AnsiLine, ansiLines } from '../ui/ansi.js';
import { withMarks } from '../ui/marks.js';

/** Characters of a line that are shown. */
export const MAX_LINE = 4_000;
/** Lines of one text that are shown. */
export const MAX_LINES = 2_000;
const TAB = 8;

export interface Output {
  lines: AnsiLine[];
  /** Lines that are not shown, because there are too many. */
  leftOut: number;
  /** Whether the text ends within a line. */
  open: boolean;
  /** Whether the text begins by writing over the line before it. */
  again: boolean;
}

// eslint-disable-next-line no-control-regex
const OVER = /^(?:\u001b\[[\d;?]*[a-zA-Z])*\r(?!\n)|^\u001b\[(?:1?G|2K)/;

/** The lines of a text with the escapes of terminals. */
export function linesOf(text: string): Output {
  const { lines } = ansiLines(text);
  const open = (lines.at(-1)?.spans.length ?? 0) > 0;
  if (!open) lines.pop();
  const leftOut = Math.max(0, lines.length - MAX_LINES);
  if (leftOut > 0) lines.length = MAX_LINES;
  for (const line of lines) line.spans = bounded(line.spans);
  return { lines, leftOut, open: open && leftOut === 0, again: OVER.test(text) };
}

/** A text without escapes. */
export function plainOf(text: string): string {
  const { lines } = linesOf(text);
  return lines.map(({ spans }) => spans.map((span) => span.text).join('')).join('\n');
}

/** Spans with tabs as spaces, without what does harm, and not longer than may be. */
export function bounded(spans: Span[]): Span[] {
  const shown: Span[] = [];
  let [length, over] = [0, 0];
  for (const span of spans) {
    const text = harmless(span.text, length);
    const room = MAX_LINE - length;
    let end = Math.min(text.length, Math.max(0, room));
    if (end < text.length && end > 0 && /[\ud800-\udbff]/.test(text[end - 1] as string)) end -= 1;
    over += text.length - end;
    if (end === 0) continue;
    length += end;
    shown.push(end === text.length && text === span.text ? span : { ...span, text: text.slice(0, end) });
  }
  if (over > 0) shown.push({ text: ` … ${over.toLocaleString('en')} more characters`, dim: true });
  return shown;
}

function harmless(text: string, column: number): string {
  const safe = withMarks(text);
  if (!safe.includes('\t')) return safe;
  let at = column;
  return safe.replace(/[^\t]+|\t/g, (part) => {
    const shown = part === '\t' ? ' '.repeat(TAB - (at % TAB)) : part;
    at += shown.length;
    return shown;
  });
}
