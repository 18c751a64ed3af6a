/** Which words of two texts differ. */
import type { Span } from '../../model.js';
import { scriptUrl } from '../../ui/trusted.js';
import type { DiffLine, Side } from './message.js';

/** A piece of a text; `differs`: the other one hasn't got it. */
export interface Piece {
  text: string;
  differs: boolean;
}

/** Compares two texts: pieces with `added` are in the second only, with `removed` in the first only. */
export type Differ = (one: string, other: string) => { value: string; added?: boolean; removed?: boolean }[];

/** Characters of a line beyond which it isn't compared. */
const MAX = 2_000;

let differ: Promise<Differ | null> | null = null;

/** The part that compares, loaded when it is asked for first; null: it can't be loaded. */
export function loadDiffer(): Promise<Differ | null> {
  differ ??= import(scriptUrl('diff') as string).then(
    (part: { diffWordsWithSpace: Differ }) => part.diffWordsWithSpace,
    () => null,
  );
  return differ;
}

const textOf = (spans: readonly Span[]) => spans.map(({ text }) => text).join('');

/** What differs, as the producer marked it; null: it marked nothing. */
function marked(spans: readonly Span[]): Piece[] | null {
  return spans.some(({ inverse }) => inverse) ? spans.map(({ text, inverse }) => ({ text, differs: inverse === true })) : null;
}

/** The pieces of two lines. Without a differ, and where the two have too little in common, nothing is marked in them. */
export function pair(one: readonly Span[], other: readonly Span[], differ: Differ | null): [Piece[], Piece[]] {
  const texts = [textOf(one), textOf(other)] as const;
  const plain: [Piece[], Piece[]] = [[{ text: texts[0], differs: false }], [{ text: texts[1], differs: false }]];
  const own = [marked(one), marked(other)] as const;
  if (own[0] !== null || own[1] !== null) return [own[0] ?? plain[0], own[1] ?? plain[1]];
  if (differ === null || texts[0].length > MAX || texts[1].length > MAX) return plain;
  const left: Piece[] = [];
  const right: Piece[] = [];
  for (const { value, added, removed } of differ(...texts)) {
    if (!added) left.push({ text: value, differs: removed === true });
    if (!removed) right.push({ text: value, differs: added === true });
  }
  return tooLittle(left) || tooLittle(right) ? [whole(texts[0]), whole(texts[1])] : [joined(left), joined(right)];
}

const inked = (pieces: readonly Piece[]) => pieces.reduce((sum, { text }) => sum + text.replace(/[\s"']/g, '').length, 0);

/** Whether less than a quarter of a line is in the other one: then its words say nothing one by one. */
function tooLittle(pieces: readonly Piece[]): boolean {
  return pieces.some(({ differs }) => differs) && inked(pieces.filter(({ differs }) => !differs)) * 4 < inked(pieces);
}

/** A line that differs as a whole; quotes around it are not marked. */
function whole(text: string): Piece[] {
  const found = /^(\s*["']?)(.*?)(["']?,?\s*)$/s.exec(text) as unknown as [string, string, string, string];
  return [
    { text: found[1], differs: false },
    { text: found[2], differs: true },
    { text: found[3], differs: false },
  ].filter((piece) => piece.text !== '');
}

/** Pieces that are marked alike become one, also across blanks between marked ones. */
function joined(pieces: readonly Piece[]): Piece[] {
  const out: Piece[] = [];
  pieces.forEach((piece, at) => {
    const between = /^\s+$/.test(piece.text) && out.at(-1)?.differs === true && pieces[at + 1]?.differs === true;
    const differs = piece.differs || between;
    const last = out.at(-1);
    if (last !== undefined && last.differs === differs) last.text += piece.text;
    else out.push({ text: piece.text, differs });
  });
  return out;
}

/** Values that are of the same kind, so that their words can be compared: a pattern and a text are not. */
export function comparable(sides: readonly Side[]): [Side, Side] | null {
  const expected = sides.find(({ side }) => side === 'expected');
  const received = sides.find(({ side }) => side === 'received');
  if (expected === undefined || received === undefined || expected.lines.length !== received.lines.length) return null;
  const kind = ({ label }: Side) => label.slice(label.indexOf(' ') + 1).replace(/^(?:Expected|Received)$/, '');
  return kind(expected) === kind(received) ? [expected, received] : null;
}

/** For lines of a difference that stand for each other: the pieces of each. Others have none. */
export function pairLines(lines: readonly DiffLine[], differ: Differ | null): (Piece[] | null)[] {
  const out = new Array<Piece[] | null>(lines.length).fill(null);
  for (let at = 0; at < lines.length; ) {
    const run = (kind: DiffLine['kind'], from: number) => {
      let to = from;
      while (lines[to]?.kind === kind) to += 1;
      return to;
    };
    const middle = run('expected', at);
    const end = run('received', middle);
    if (middle > at && middle - at === end - middle) {
      for (let step = 0; step < middle - at; step += 1) {
        [out[at + step]!, out[middle + step]!] = pair(lines[at + step]!.spans, lines[middle + step]!.spans, differ);
      }
    }
    at = Math.max(end, at + 1);
  }
  return out;
}
