/** The rows of the log: those in sight are in the document, all others are a height. */
import { defaultRangeExtractor, type Range } from '@tanstack/virtual-core';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { LogRow } from '../../model.js';
import { place } from '../place.js';
import { current, matches, shownWords, startRow } from '../search/state.js';
import { head, log, moment } from '../store.js';
import { selected, textBetween } from './copying.js';
import { scrolled } from './follow.js';
import { useGridKeys } from './keys.js';
import { beginsEvent, heightOf, indexOfKey, rowKey, Widest } from './lines.js';
import { Row } from './row.js';
import { active, follow, mark, more, openTest, release, wrap } from './state.js';
import { useTargets } from './targets.js';
import { useVirtualizer } from './virtualizer.js';

/** Rows before the edge of what is loaded at which more are asked for. */
const AHEAD = 60;
/** Keys of the rows in which the selection begins and ends. */
type Pins = [number, number] | null;

/** Pixels of the times and tags before a text, and behind it. */
const SIDES = 160;

export function LogGrid() {
  const { log: number, rows, earlier, later } = log.value;
  const wraps = wrap.value;
  const scroller = useRef<HTMLDivElement>(null);
  const pins = useRef<Pins>(null);
  const [selections, selectAll] = useSelectAll(scroller, pins);
  const widest = useRef(new Widest());

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: useCallback((index: number) => heightOf(rows[index]!), [rows]),
    getItemKey: useCallback((index: number) => rowKey(rows[index]!), [rows]),
    rangeExtractor: useCallback(
      (range: Range) => withKept(range, rows, pins.current),
      [rows, selections, active.value],
    ),
    overscan: 12,
    paddingStart: 4,
    paddingEnd: 8,
    anchorTo: 'end',
  });

  // Long lines wrap, or no longer: all heights are other ones, and the row at the top stays there.
  const wrapped = useRef(wraps);
  useLayoutEffect(() => {
    if (wrapped.current === wraps) return;
    wrapped.current = wraps;
    const top = virtual.range?.startIndex ?? 0;
    virtual.measure();
    if (!follow.peek().on) virtual.scrollToIndex(top, { align: 'start' });
  }, [wraps]);

  // It holds to the end: after whatever changed the rows, or their heights.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || !follow.peek().on || !moment.peek().live) return;
    const end = element.scrollHeight - element.clientHeight;
    if (element.scrollTop < end) element.scrollTop = end;
    const top = element.scrollTop;
    if (top !== follow.peek().top) follow.value = { ...follow.peek(), top };
  });

  useEffect(() => {
    if (shownWords.peek() === '') startRow.value = virtual.range?.startIndex ?? 0;
  });
  useTargets(virtual, number);
  useAhead(virtual.range, rows, earlier, later);
  useSelection(scroller, pins);
  const onKeyDown = useGridKeys(virtual, selectAll);

  const onScroll = () => {
    const element = scroller.current;
    if (element === null || !moment.peek().live) return;
    const top = element.scrollTop;
    const max = element.scrollHeight - element.clientHeight;
    follow.value = scrolled(follow.peek(), { top, max, last: rows.at(-1)?.seq ?? 0, later });
  };
  const onWheel = (event: WheelEvent) => {
    if (event.deltaY < 0 && !event.ctrlKey && canScrollUp(scroller.current)) release();
  };
  const onClick = (event: MouseEvent) => {
    const target = event.target as Element;
    const index = Number(target.closest<HTMLElement>('.log-row')?.dataset['index'] ?? -1);
    const row = rows[index];
    if (row === undefined) return;
    if (target.closest('.log-time') !== null) {
      if (event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      if (!event.shiftKey) mark(row);
    } else if (getSelection()?.isCollapsed !== false) {
      active.value = rowKey(row);
      if ((row.kind === 'test' || row.kind === 'error' || row.kind === 'ask') && row.test !== null) openTest(row);
    }
  };
  const onCopy = (event: ClipboardEvent) => {
    const ends = scroller.current === null ? null : selected(scroller.current);
    if (ends === null || event.clipboardData === null) return;
    event.preventDefault();
    event.clipboardData.setData('text/plain', textBetween(rows, ...ends));
  };

  const columns = wraps ? 0 : widest.current.of(number, rows);
  const past = moment.value.live ? null : moment.value.seq;
  const match = matches.value[current.value];
  const words = shownWords.value;
  const { line } = place.value;
  return (
    <div
      ref={scroller}
      class={wraps ? 'log-grid log-wrap' : 'log-grid'}
      role="grid"
      aria-label="Lines of the log"
      aria-live="off"
      aria-readonly="true"
      aria-colcount={3}
      aria-rowcount={earlier || later ? -1 : rows.length}
      aria-activedescendant={active.value === null ? undefined : `log-${active.value}`}
      tabIndex={0}
      onScroll={onScroll}
      onWheel={onWheel}
      onTouchMove={() => canScrollUp(scroller.current) && release()}
      onClick={onClick}
      onCopy={onCopy}
      onKeyDown={onKeyDown}
    >
      <div
        class="log-rows"
        role="rowgroup"
        style={{
          height: `${virtual.getTotalSize()}px`,
          width: wraps ? '100%' : `max(100%, calc(${columns}ch + ${SIDES}px))`,
        }}
      >
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const key = rowKey(row);
          return (
            <Row
              key={key}
              id={`log-${key}`}
              row={row}
              index={item.index}
              top={item.start}
              height={wraps ? null : heightOf(row)}
              begins={beginsEvent(rows, item.index)}
              active={active.value === key}
              marked={line !== null && line.seq === row.seq && line.line === row.line && row.kind !== 'divider'}
              after={past !== null && row.seq > past}
              words={words}
              current={match?.row === item.index ? match.nth : -1}
              measure={wraps ? virtual.measureElement : null}
            />
          );
        })}
      </div>
      {rows.length === 0 ? <Nothing /> : null}
    </div>
  );
}

function Nothing() {
  const over = head.value?.over ?? false;
  return <p class="log-nothing">{over ? 'Nothing was written here.' : 'Nothing was written here yet.'}</p>;
}

function canScrollUp(element: HTMLElement | null): boolean {
  return element !== null && element.scrollHeight > element.clientHeight;
}

/** The rows in sight; also the one that keys act on, and the ends of what is selected. */
function withKept(range: Range, rows: readonly LogRow[], pins: Pins): number[] {
  const kept = new Set(defaultRangeExtractor(range));
  for (const key of [...(pins ?? []), active.peek()]) {
    const at = key === null ? -1 : indexOfKey(rows, key);
    if (at >= 0) kept.add(at);
  }
  return [...kept].sort((one, other) => one - other);
}

function useAhead(
  range: { startIndex: number; endIndex: number } | null,
  rows: readonly LogRow[],
  earlier: boolean,
  later: boolean,
) {
  useEffect(() => {
    if (range === null || rows.length === 0) return;
    if (earlier && range.startIndex < AHEAD) more('earlier');
    if (later && range.endIndex > rows.length - AHEAD) more('later');
  });
}

/** Keeps the ends of what is selected in the document. Whoever selects reads: the log lets go. */
function useSelection(scroller: { current: HTMLDivElement | null }, pins: { current: Pins }) {
  useEffect(() => {
    const onSelect = () => {
      const ends = scroller.current === null ? null : selected(scroller.current);
      const { rows } = log.peek();
      const [one, other] = [rows[ends?.[0].row ?? -1], rows[ends?.[1].row ?? -1]];
      pins.current = one === undefined || other === undefined ? null : [rowKey(one), rowKey(other)];
      if (pins.current !== null) release();
    };
    document.addEventListener('selectionchange', onSelect);
    return () => document.removeEventListener('selectionchange', onSelect);
  }, []);
}

/** Selects all rows: the first and the last come into the document, and the selection goes from one to the other. */
function useSelectAll(scroller: { current: HTMLDivElement | null }, pins: { current: Pins }): [number, () => void] {
  const [times, setTimes] = useState(0);
  useLayoutEffect(() => {
    const texts = scroller.current?.querySelectorAll('.log-text');
    const [first, last] = [texts?.[0], texts?.[texts.length - 1]];
    if (times > 0 && first && last) getSelection()?.setBaseAndExtent(first, 0, last, last.childNodes.length);
  }, [times]);
  const all = () => {
    const { rows } = log.peek();
    const [first, last] = [rows[0], rows.at(-1)];
    if (first === undefined || last === undefined) return;
    release();
    pins.current = [rowKey(first), rowKey(last)];
    setTimes(times + 1);
  };
  return [times, all];
}
