/** Rows of a long list, of which only those in sight are drawn. */
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useLayoutEffect, useReducer, useRef } from 'preact/hooks';

export interface VirtualRows {
  count: number;
  key: (index: number) => string;
  /** Pixels that a row has before it is measured. */
  height: (index: number) => number;
  scroller: RefObject<HTMLElement | null>;
  /** Pixels within the scroller above the list. */
  above?: number;
  /** A row that is drawn wherever it is, since it has focus; -1: none. */
  keep?: number;
}

/** Draws again when other rows come into sight. Set `data-index` and `ref={rows.measureElement}` on each row. */
export function useVirtual({ count, key, height, scroller, above = 0, keep = -1 }: VirtualRows): Virtualizer<HTMLElement, HTMLElement> {
  const [, redraw] = useReducer((times: number) => times + 1, 0);
  const made = useRef<Virtualizer<HTMLElement, HTMLElement> | null>(null);
  const options = {
    count, getItemKey: key, estimateSize: height, getScrollElement: () => scroller.current, scrollMargin: above, overscan: 8,
    observeElementRect, observeElementOffset, scrollToFn: elementScroll, onChange: () => redraw(0),
    rangeExtractor: ({ startIndex, endIndex, overscan }: { startIndex: number; endIndex: number; overscan: number }) => {
      const from = Math.max(0, startIndex - overscan);
      const to = Math.min(count - 1, endIndex + overscan);
      const shown = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
      if (keep < 0 || keep >= count || (keep >= from && keep <= to)) return shown;
      return keep < from ? [keep, ...shown] : [...shown, keep];
    },
  };
  made.current ??= new Virtualizer<HTMLElement, HTMLElement>(options);
  const virtual = made.current;
  virtual.setOptions(options);
  useLayoutEffect(() => virtual._didMount(), [virtual]);
  useLayoutEffect(() => virtual._willUpdate());
  return virtual;
}
