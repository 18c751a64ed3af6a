/** What is in sight stays where it is when rows come or go above it. */
import { rowAt, type Item } from './items.js';

export interface Anchor {
  /** By how much the rows in sight have moved down. */
  moved(items: readonly Item[], offsets: readonly number[]): number;
}

/** Rows that are looked at: the first that is in both lists, at the same kind of place, holds. */
const CANDIDATES = 12;

/** Remembers the rows at a height. */
export function anchorOf(items: readonly Item[], offsets: readonly number[], top: number): Anchor {
  const first = rowAt(offsets, top);
  const seen = new Map<string, number>();
  for (let at = first; at < Math.min(items.length, first + CANDIDATES); at += 1)
    seen.set(nameOf(items[at]!), offsets[at] ?? 0);
  return {
    moved(next, edges) {
      let best: { was: number; is: number } | null = null;
      for (const [at, item] of next.entries()) {
        const was = seen.get(nameOf(item));
        if (was !== undefined && (best === null || was < best.was)) best = { was, is: edges[at] ?? 0 };
      }
      return best === null ? 0 : best.is - best.was;
    },
  };
}

function nameOf(item: Item): string {
  return item.kind === 'test' ? `${item.group} ${item.id}` : item.id;
}
