/**
 * The message of an error taken apart: what was expected and received, the differences, where it looked and how long, and
 * what it did meanwhile. It knows the forms of Playwright's `expect`; of any other message the first line is the title, and
 * the rest stays as it is.
 */
import type { Span } from '../../model.js';
import { ansiLines } from '../../ui/ansi.js';
import { withMarks } from '../../ui/marks.js';

/** A value of one of both sides: `Expected: "14"`. */
export interface Side {
  side: 'expected' | 'received';
  label: string;
  /** Its lines. */
  lines: Span[][];
}

/** Something else that it says: where it looked, how long it waited. */
export interface Fact {
  label: string;
  text: string;
}

/** A line of a difference over several lines. */
export interface DiffLine {
  kind: 'expected' | 'received' | 'same' | 'hunk';
  spans: Span[];
}

export interface Message {
  title: string;
  /** What was called, where its author gave the failure a title of its own: `expect(received).toBe(expected)`. */
  called: string | null;
  sides: Side[];
  diff: DiffLine[];
  facts: Fact[];
  /** What it did until it gave up. */
  callLog: string[];
  /** Lines of no known form. */
  rest: Span[][];
  /** Number of lines that were left out, since they are too many. */
  omitted: number;
}

/** Characters and lines of a message that are taken apart. */
const MAX_CHARACTERS = 60_000;
const MAX_LINES = 600;

const CALL = /^expect(?:\.\w+)*\(.*\)(?:\.\w+)*/;
const SIDE = /^(Expected|Received)((?: [a-z]+)*):( *)/;
const FACT = /^(Locator|Timeout|Snapshot|Resolved to value|Rejected to value):\s*(.*)$/;
const PIXELS = /(?:Expected an image [^.]*\. )?\d+ pixels \(ratio [\d.]+ of all image pixels\) are different/;
const LOOKED_FOR = /waiting for ((?:page|frame|getBy|locator\(|frameLocator|contentFrame).*)$/;

interface Line {
  text: string;
  spans: Span[];
}

/** The spans of a line from a character on. */
export function cut(spans: readonly Span[], from: number): Span[] {
  const out: Span[] = [];
  let at = 0;
  for (const span of spans) {
    const text = span.text.slice(Math.max(0, from - at));
    if (text !== '') out.push({ ...span, text });
    at += span.text.length;
  }
  return out;
}

/** Takes a message apart. */
export function takeApart(message: string): Message {
  const { lines: all } = ansiLines(withMarks(message.slice(0, MAX_CHARACTERS)));
  const lines = all.slice(0, MAX_LINES).map(({ spans }) => ({ spans, text: spans.map(({ text }) => text).join('') }));
  const left = message.length > MAX_CHARACTERS ? message.slice(MAX_CHARACTERS).split('\n').length : 0;
  const parts: Message = {
    title: '',
    called: null,
    sides: [],
    diff: [],
    facts: [],
    callLog: [],
    rest: [],
    omitted: left + all.length - lines.length,
  };
  new Reader(lines, parts).read();
  return parts;
}

class Reader {
  private at = 0;

  constructor(
    private readonly lines: readonly Line[],
    private readonly parts: Message,
  ) {}

  read(): void {
    this.readTitle();
    while (this.at < this.lines.length) this.readLine(this.lines[this.at++]!);
    while (this.parts.rest.at(-1)?.length === 0) this.parts.rest.pop();
    const locator = this.parts.callLog.map((line) => LOOKED_FOR.exec(line)?.[1]).find((found) => found !== undefined);
    if (locator !== undefined && !this.has('Locator')) this.parts.facts.unshift({ label: 'Locator', text: locator });
    const pixels = this.parts.callLog.map((line) => PIXELS.exec(line)?.[0]).find((found) => found !== undefined);
    if (pixels !== undefined && !this.has('Difference')) this.parts.facts.push({ label: 'Difference', text: pixels });
  }

  private has(label: string): boolean {
    return this.parts.facts.some((fact) => fact.label === label);
  }

  private readTitle(): void {
    while (this.lines[this.at]?.text.trim() === '') this.at += 1;
    this.parts.title = (this.lines[this.at++]?.text ?? '').replace(/^Error: /, '').trim();
    if (CALL.test(this.parts.title)) return;
    // A title of its author: what was called follows, sometimes after the same title again.
    for (let ahead = this.at; ahead < Math.min(this.at + 5, this.lines.length); ahead += 1) {
      const text = this.lines[ahead]!.text.trim();
      if (CALL.test(text)) {
        this.parts.called = text;
        this.at = ahead + 1;
        return;
      }
      if (text !== '' && text !== this.parts.title) return;
    }
  }

  private readLine(line: Line): void {
    const { parts } = this;
    if (/^Call [lL]og:\s*$/.test(line.text)) {
      parts.callLog.push(...this.lines.slice(this.at).map(({ text }) => text.replace(/^ {2}/, '').trimEnd()));
      while (parts.callLog.at(-1) === '') parts.callLog.pop();
      this.at = this.lines.length;
      return;
    }
    const side = SIDE.exec(line.text);
    if (side !== null) return this.readSide(line, side);
    if (/^- Expected +- \d+\s*$/.test(line.text) && /^\+ Received +\+ \d+\s*$/.test(this.lines[this.at]?.text ?? '')) {
      this.at += 1;
      if (this.lines[this.at]?.text === '') this.at += 1;
      return this.readDiff(0, 2);
    }
    const hunk = /^( *)@@ .* @@/.exec(line.text);
    if (hunk !== null) {
      this.at -= 1;
      return this.readDiff(hunk[1]!.length, 1);
    }
    const fact = FACT.exec(line.text.trim());
    if (fact !== null) return this.readFact(fact[1]!, fact[2]!);
    const error = /^Error: (.*)$/.exec(line.text);
    if (error !== null && !parts.sides.some((one) => one.side === 'received')) {
      const more = this.block();
      parts.sides.push({
        side: 'received',
        label: 'Received',
        lines: [cut(line.spans, 7), ...more.map(({ spans }) => spans)],
      });
      return;
    }
    const pixels = PIXELS.exec(line.text);
    if (pixels !== null) parts.facts.push({ label: 'Difference', text: pixels[0] });
    else if (line.text.trim() !== '' || (parts.rest.length > 0 && parts.rest.at(-1)!.length > 0))
      parts.rest.push(line.text.trim() === '' ? [] : line.spans);
  }

  private readFact(label: string, text: string): void {
    const wait = label === 'Timeout' ? /^(\d+)ms$/.exec(text) : null;
    if (wait !== null) this.parts.facts.push({ label: 'Waited', text: `${Number(wait[1]).toLocaleString('en')} ms` });
    else this.parts.facts.push({ label, text });
  }

  /** A value, which goes on until an empty line or the next name. */
  private readSide(line: Line, found: RegExpExecArray): void {
    const [whole, name, more] = found as unknown as [string, string, string];
    const value = [cut(line.spans, whole.length), ...this.block().map(({ spans }) => spans)];
    this.parts.sides.push({ side: name === 'Expected' ? 'expected' : 'received', label: name + more, lines: value });
  }

  /** The lines that go on with the one before. */
  private block(): Line[] {
    const from = this.at;
    while (this.at < this.lines.length) {
      const { text } = this.lines[this.at]!;
      if (
        text.trim() === '' ||
        SIDE.test(text) ||
        FACT.test(text) ||
        /^(?:Error|Call [lL]og):/.test(text) ||
        /^[-+] (?:Expected|Received) /.test(text)
      )
        break;
      this.at += 1;
    }
    return this.lines.slice(from, this.at);
  }

  /** A difference, until an empty line. `indent`: blanks before each line; `marks`: characters that say what a line is. */
  private readDiff(indent: number, marks: number): void {
    for (; this.at < this.lines.length; this.at += 1) {
      const { text, spans } = this.lines[this.at]!;
      const own = text.slice(indent);
      if (text.trim() === '' && text.length < indent + marks) break;
      if (/^@@ .* @@/.test(own)) this.parts.diff.push({ kind: 'hunk', spans: cut(spans, indent) });
      else {
        const kind = own[0] === '-' ? 'expected' : own[0] === '+' ? 'received' : 'same';
        this.parts.diff.push({ kind, spans: cut(spans, indent + marks) });
      }
    }
  }
}

/** The first line of an error, as lists show it: without `Error:` and without escapes. */
export function headline(message: string): string {
  return takeApart(message.slice(0, 2_000)).title;
}
