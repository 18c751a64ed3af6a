/** Walking in the tree by keys. */
import { oneLine } from '../../ui/text.js';
import { isBound } from '../keys/index.js';
import { tests } from '../store.js';
import { typeAhead } from './ahead.js';
import type { Item } from './items.js';
import { active, fold, focusAsked } from './state.js';
import { openTest } from './tree.js';

const PAGE = 12;

/** Does what a key means in the tree, if it means something there. */
export function pressed(event: KeyboardEvent, items: readonly Item[]): void {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof Element)) return;
  const id = event.target.closest('[role=treeitem]')?.getAttribute('data-id');
  const at = items.findIndex((one) => one.id === id);
  const item = items[at];
  if (item === undefined) return;
  const to = goal(event.key, items, at);
  if (to !== null) move(items, to);
  else if (event.key === 'Enter' || event.key === ' ') activate(item);
  else if (event.key === 'ArrowRight') {
    if (item.kind !== 'test' && !item.open) fold(item.id, false);
    else if (item.kind !== 'test') move(items, Math.min(at + 1, items.length - 1));
  } else if (event.key === 'ArrowLeft') {
    if (item.kind !== 'test' && item.open) fold(item.id, true);
    else move(items, parentOf(items, at));
  } else {
    const found = ahead.press(event.key, performance.now(), isBound(event.key), items.length, at, (row) =>
      textOf(items[row]!),
    );
    if (found === undefined) return;
    if (found !== null) move(items, found);
  }
  event.preventDefault();
}

const ahead = typeAhead();

function goal(key: string, items: readonly Item[], at: number): number | null {
  const last = items.length - 1;
  switch (key) {
    case 'ArrowDown':
      return Math.min(at + 1, last);
    case 'ArrowUp':
      return Math.max(at - 1, 0);
    case 'Home':
      return 0;
    case 'End':
      return last;
    case 'PageDown':
      return Math.min(at + PAGE, last);
    case 'PageUp':
      return Math.max(at - PAGE, 0);
    default:
      return null;
  }
}

function move(items: readonly Item[], to: number): void {
  active.value = items[to]?.id ?? null;
  focusAsked.value += 1;
}

function activate(item: Item): void {
  if (item.kind === 'test') openTest(item.key, item.group === 'ask');
  else fold(item.id, item.open);
}

/** The head that a row is below of. */
export function parentOf(items: readonly Item[], at: number): number {
  const level = items[at]?.level ?? 1;
  for (let row = at - 1; row >= 0; row -= 1) if ((items[row]?.level ?? 1) < level) return row;
  return at;
}

function textOf(item: Item): string {
  if (item.kind === 'group') return item.group.title;
  if (item.kind === 'section') return item.section.file;
  return oneLine(tests.get(item.key)?.path.at(-1) ?? '', 80);
}
