/** Where the log is scrolled to when somebody goes there: the line of a link, a match, the moment that is shown. */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Virtualizer } from '@tanstack/virtual-core';

import { place } from '../place.js';
import { current, matches } from '../search/state.js';
import { head, log, moment } from '../store.js';
import { covers, indexOfLine, indexOfSeq, rowKey } from './lines.js';
import { active, ask, choose, follow, isCurrent, missing, release, scopeName } from './state.js';

type Virtual = Virtualizer<HTMLDivElement, HTMLDivElement>;

/** Milliseconds for which the moment has to stay before rows of another part of the log are asked for. */
const STEADY_MS = 150;

/** Brings a row into sight, in the middle if it was out of it. */
function show(virtual: Virtual, index: number): void {
  const top = virtual.scrollOffset ?? 0;
  const item = virtual.measurementsCache[index];
  const height = virtual.scrollRect?.height ?? 0;
  if (item !== undefined && item.start >= top && item.end <= top + height) return;
  virtual.scrollToIndex(index, { align: 'center' });
}

/** Scrolls to what the page's URL, the search and the slider name. */
export function useTargets(virtual: Virtual, number: number): void {
  useLine(virtual);
  useMatch(virtual);
  useMoment(virtual, number);
}

function useLine(virtual: Virtual): void {
  const { line } = place.value;
  const name = line === null ? null : `${line.seq}.${line.line}`;
  const target = useRef(line);
  const asked = useRef<string | null>(null);
  useEffect(() => {
    target.current = line;
    asked.current = null;
    missing.value = null;
    if (line !== null) release();
  }, [name]);
  useLayoutEffect(() => {
    const to = target.current;
    if (to === null || !isCurrent()) return;
    const { rows } = log.peek();
    const index = indexOfLine(rows, to);
    const wanted = `${scopeName.peek()} ${to.seq}.${to.line}`;
    if (index >= 0) {
      target.current = null;
      active.value = rowKey(rows[index]!);
      show(virtual, index);
    } else if (to.seq < (head.peek()?.firstAvailable ?? 1)) {
      target.current = null;
      missing.value = { seq: to.seq, why: 'expired' };
    } else if (!covers(log.peek(), to.seq)) {
      if (asked.current === wanted) return;
      asked.current = wanted;
      ask(to.seq);
    } else if (scopeName.peek() !== 'run') {
      choose('run');
    } else {
      target.current = null;
      missing.value = { seq: to.seq, why: 'none' };
    }
  });
}

function useMatch(virtual: Virtual): void {
  const match = matches.value[current.value];
  const at = match === undefined ? null : log.peek().rows[match.row];
  const key = at === null || at === undefined ? null : rowKey(at);
  useLayoutEffect(() => {
    if (match === undefined) return;
    release();
    show(virtual, match.row);
  }, [key, match?.nth]);
}

function useMoment(virtual: Virtual, number: number): void {
  const { live, seq } = moment.value;
  useLayoutEffect(() => {
    if (live || !isCurrent()) return;
    const { rows } = log.peek();
    if (covers(log.peek(), seq)) {
      const index = indexOfSeq(rows, seq + 1) - 1;
      if (index >= 0) virtual.scrollToIndex(index, { align: 'end' });
      return;
    }
    const timer = setTimeout(() => ask(seq), STEADY_MS);
    return () => clearTimeout(timer);
  }, [live, seq, number]);
  const was = useRef(live);
  useEffect(() => {
    if (live && !was.current && follow.peek().on && log.peek().later) ask();
    was.current = live;
  }, [live]);
}
