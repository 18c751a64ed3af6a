import { readFileSync, statSync } from 'node:fs';

import type { Location } from '@playwright/test/reporter';

/** Files whose lines are kept. */
const MOST_FILES = 32;
/** Larger files are not read. */
const LARGEST_FILE = 524_288;
/** Lines before a call that may belong to it: a chain is often written one call a line. */
const LINES_BEFORE = 6;
const LINES_BEHIND = 3;
const LONGEST_LINE = 2_000;
const LONGEST_CHAIN = 300;

const CALL = /\.(fill|type|pressSequentially|insertText|toHaveValue)\(\s*/g;
const LITERAL = /(["'`])((?:\\[\s\S]|(?!\1|\\)[\s\S])*)\1\s*/y;

/** A call in a test's source that types a text, or expects one in a field. */
export interface TypingCall {
  /** What names the field: the chain of calls, or the last name before the call. */
  field: string;
  /** The text, if it is written there. */
  value?: string;
  /** Where the text stands, without its quotes. */
  range?: [from: number, to: number];
}

/** The calls in a piece of source that type something. */
export function* typingCalls(code: string): Iterable<TypingCall> {
  for (const found of code.matchAll(CALL)) yield typingCall(code, found.index, found.index + found[0].length);
}

/** The sources of tests, as far as they are read. */
export class Sources {
  readonly #files = new Map<string, string[]>();

  /** The call of one of these methods whose name stands at a place in a file, as a step's location says. */
  at(location: Location | undefined, methods: string[]): TypingCall | undefined {
    if (!location) return undefined;
    const lines = this.#lines(location.file);
    const line = lines[location.line - 1];
    if (line === undefined || line.length > LONGEST_LINE) return undefined;
    const before = lines
      .slice(Math.max(0, location.line - 1 - LINES_BEFORE), location.line - 1)
      .map((text) => `${text}\n`);
    const behind = lines.slice(location.line, location.line + LINES_BEHIND).map((text) => `\n${text}`);
    const code = [...before, line, ...behind].join('');
    const column = before.join('').length + location.column - 1;
    for (const found of code.matchAll(CALL)) {
      // A location that was mapped through TypeScript may be that of the expression.
      if (found.index + 1 < column || found.index > column + LONGEST_CHAIN || !methods.includes(found[1]!)) continue;
      return typingCall(code, found.index, found.index + found[0].length);
    }
    return undefined;
  }

  #lines(file: string): string[] {
    const known = this.#files.get(file);
    if (known) return known;
    const lines = read(file);
    if (this.#files.size >= MOST_FILES) this.#files.delete(this.#files.keys().next().value!);
    this.#files.set(file, lines);
    return lines;
  }
}

function read(file: string): string[] {
  try {
    return statSync(file).size > LARGEST_FILE ? [] : readFileSync(file, 'utf8').split(/\r?\n/);
  } catch {
    return [];
  }
}

function typingCall(code: string, dot: number, at: number): TypingCall {
  const chain = statement(code.slice(Math.max(0, dot - LONGEST_CHAIN), dot));
  const name = /[)\]]\s*$/.test(chain) ? chain : (/[\w$]+\s*$/.exec(chain)?.[0] ?? '');
  const first = literal(code, at);
  if (!first) return { field: name };
  if (code[first.end] !== ',') return { field: name, ...first.text };
  const space = /\s*/y;
  space.lastIndex = first.end + 1;
  space.test(code);
  const second = space.lastIndex || first.end + 1;
  if (code[second] === '{' || code[second] === ')') return { field: name, ...first.text };
  // Two arguments: `page.fill(selector, value)`.
  return { field: `${name} ${first.text.value ?? ''}`, ...literal(code, second)?.text };
}

function literal(code: string, at: number) {
  LITERAL.lastIndex = at;
  const found = LITERAL.exec(code);
  if (!found) return undefined;
  const [, quote, text] = found as unknown as [string, string, string];
  if (quote === '`' && text.includes('${')) return { end: LITERAL.lastIndex, text: {} };
  const range: [number, number] = [at + 1, at + 1 + text.length];
  return { end: LITERAL.lastIndex, text: { value: unescaped(text), range } };
}

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\s\S]))/g, (_, unicode, hex, one) => {
    if (unicode ?? hex) return String.fromCharCode(parseInt(unicode ?? hex, 16));
    return ({ n: '\n', r: '\r', t: '\t', '\n': '' } as Record<string, string>)[one] ?? one;
  });
}

/** The end of a piece of source, from where its last statement begins. */
function statement(code: string): string {
  return code.slice(Math.max(...['await ', ';', '=>', '{\n'].map((mark) => code.lastIndexOf(mark) + 1)));
}
