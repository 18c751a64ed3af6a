/** The keys of the log, while it has the focus. */
import type { Virtualizer } from '@tanstack/virtual-core';

import { say } from '../../ui/announce.js';
import { copyText } from '../../ui/copy.js';
import { place, urlOf } from '../place.js';
import { log } from '../store.js';
import { indexOfKey, rowKey } from './lines.js';
import { active, openTest, release } from './state.js';

const UP = new Set(['PageUp', 'Home']);

/** Copies the link to the row that keys act on. False: there is none. */
export function copyLink(): boolean {
  const { rows } = log.peek();
  const row = active.peek() === null ? undefined : rows[indexOfKey(rows, active.peek()!)];
  if (row === undefined) return false;
  const url = urlOf({ ...place.peek(), line: { seq: row.seq, line: row.line } });
  void copyText(location.origin + url).then((copied) => say(copied ? 'Link to the line copied' : 'The browser did not allow to copy'));
  return true;
}

/** What the log does with a key. */
export function useGridKeys(
  virtual: Virtualizer<HTMLDivElement, HTMLDivElement>,
  selectAll: () => void,
): (event: KeyboardEvent) => void {
  const goTo = (index: number) => {
    const { rows } = log.peek();
    const row = rows[Math.max(0, Math.min(index, rows.length - 1))];
    if (row === undefined) return;
    active.value = rowKey(row);
    virtual.scrollToIndex(Math.max(0, Math.min(index, rows.length - 1)), { align: 'auto' });
  };
  return (event) => {
    const { rows } = log.peek();
    const { key } = event;
    if (event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      if (key === 'a') {
        event.preventDefault();
        selectAll();
      }
      return;
    }
    const at = active.peek() === null ? -1 : indexOfKey(rows, active.peek()!);
    const inSight = virtual.range;
    if (key === 'ArrowUp' || key === 'k') (release(), goTo(at < 0 ? (inSight?.endIndex ?? 0) : at - 1));
    else if (key === 'ArrowDown' || key === 'j') goTo(at < 0 ? (inSight?.startIndex ?? 0) : at + 1);
    else if (key === 'Enter' && at >= 0) openTest(rows[at]!);
    else if (key === 'c' && at >= 0) copyLink();
    else if (key === 'Escape' && at >= 0) active.value = null;
    else {
      if (UP.has(key)) release();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
}
