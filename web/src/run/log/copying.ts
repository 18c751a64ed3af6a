/**
 * Text that is copied from the log. Rows that are out of sight are not in the document, so a selection that goes over them
 * is read from the rows themselves; times and tags are no part of it.
 */
import type { LogRow } from '../../model.js';
import { textOf } from './lines.js';

/** A place in the log: a row, and how many of its characters are before it. */
export interface Point {
  row: number;
  char: number;
}

/** The text from one place to another, whichever is first. Pure. */
export function textBetween(rows: readonly LogRow[], one: Point, other: Point): string {
  const backwards = one.row > other.row || (one.row === other.row && one.char > other.char);
  const [from, to] = backwards ? [other, one] : [one, other];
  if (from.row === to.row) return textOf(rows[from.row]!).slice(from.char, to.char);
  const lines = [textOf(rows[from.row]!).slice(from.char)];
  for (let row = from.row + 1; row < to.row; row += 1) lines.push(textOf(rows[row]!));
  lines.push(textOf(rows[to.row]!).slice(0, to.char));
  return lines.join('\n');
}

/** Where a place of the document is in the log; null: elsewhere. */
export function pointOf(grid: HTMLElement, node: Node | null, offset: number): Point | null {
  if (node === null || !grid.contains(node)) return null;
  const element = node instanceof Element ? node : node.parentElement;
  const row = element?.closest<HTMLElement>('.log-row');
  if (row === null || row === undefined) return null;
  const text = row.querySelector('.log-text');
  const index = Number(row.dataset['index']);
  if (text === null) return { row: index, char: 0 };
  const before = document.createRange();
  before.setStart(text, 0);
  try {
    if (before.comparePoint(node, offset) < 0) return { row: index, char: 0 };
    before.setEnd(node, offset);
  } catch {
    before.selectNodeContents(text);
  }
  const inside = text.contains(node);
  return { row: index, char: inside ? before.toString().length : (text.textContent ?? '').length };
}

/** The ends of the selection, if both are in the log and it is not empty. */
export function selected(grid: HTMLElement): [Point, Point] | null {
  const selection = getSelection();
  if (selection === null || selection.isCollapsed) return null;
  const one = pointOf(grid, selection.anchorNode, selection.anchorOffset);
  const other = pointOf(grid, selection.focusNode, selection.focusOffset);
  return one === null || other === null ? null : [one, other];
}
