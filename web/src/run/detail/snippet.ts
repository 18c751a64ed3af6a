/** The lines of code around an error. */
import { ansiText } from '../../ui/ansi.js';
import { withMarks } from '../../ui/marks.js';

export interface CodeLine {
  /** Its number in the file; null: not known. */
  number: number | null;
  text: string;
  /** The error is here. */
  failing: boolean;
}

const MAX_LINES = 60;
/** Characters of a line that are shown: more is no code that people wrote. */
const MAX_WIDTH = 400;

/** The lines of a code frame, without its marks, and moved to the left edge. */
export function codeLines(snippet: string): CodeLine[] {
  const lines: CodeLine[] = [];
  for (const text of ansiText(withMarks(snippet.slice(0, 20_000))).split('\n').slice(0, MAX_LINES)) {
    const found = /^\s*(>)?\s*(\d+)? ?\|(?: ?)(.*)$/.exec(text);
    if (found === null) {
      if (text.trim() !== '') lines.push({ number: null, text, failing: false });
    } else if (found[2] !== undefined)
      lines.push({ number: Number(found[2]), text: found[3] ?? '', failing: found[1] !== undefined });
  }
  const indents = lines
    .filter(({ text }) => text.trim() !== '')
    .map(({ text }) => text.length - text.trimStart().length);
  const indent = indents.length === 0 ? 0 : Math.min(...indents);
  return lines.map((line) => ({ ...line, text: line.text.slice(indent, indent + MAX_WIDTH).trimEnd() }));
}
