/** The tree of tests. Only the rows in sight are drawn; the row that has focus stays. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { Icon } from '../../ui/icons.js';
import { Text } from '../../ui/text.js';
import { count } from '../../ui/format.js';
import { go, place } from '../place.js';
import { tests, testsVersion } from '../store.js';
import { width } from '../width.js';
import { anchorOf, type Anchor } from './anchor.js';
import { useHeld } from './held.js';
import { itemsOf, offsetsOf, within, type Item } from './items.js';
import { TestContent } from './row.js';
import { active, filter, fold, folded, focusAsked, groups, thawAsked } from './state.js';
import { Steady, waitingText } from './steady.js';
import { pressed } from './walk.js';

/** Rows that are drawn beyond what is in sight. */
const MORE = 8;

export function Tree() {
  void testsVersion.value;
  const tree = useRef<HTMLDivElement>(null);
  const steady = useMemo(() => new Steady(), []);
  const [held, hold] = useHeld(tree);
  const thawed = useRef(thawAsked.peek());
  const thaw = thawed.current !== thawAsked.value;
  thawed.current = thawAsked.value;
  const newest = groups.value;
  const shown = steady.show(newest, held && !thaw, filter.value, tests);
  const phone = width.value === 'narrow';
  const open = place.value.test;
  const items = useMemo(
    () => itemsOf(shown, { folded: folded.value, open, phone }),
    [shown, folded.value, open, phone],
  );
  const offsets = useMemo(() => offsetsOf(items), [items]);
  const fresh = useFresh(items);
  const [from, to] = useWindow(tree, items, offsets);
  useFocus(tree, items, offsets);
  const waiting = held ? waitingText(steady.waiting(newest)) : '';
  const focused = items.findIndex(({ id }) => id === active.value);
  const opened = items.findIndex((item) => item.kind === 'test' && item.key === open);
  const tabbable = focused >= 0 ? focused : Math.max(opened, 0);
  const drawn = items.slice(from, to);
  const only = items[tabbable];
  const before = only !== undefined && tabbable < from ? only : null;
  const behind = only !== undefined && tabbable >= to ? only : null;
  const row = (item: Item, at: number) => (
    <Row
      key={item.id}
      item={item}
      top={offsets[at] ?? 0}
      tabbable={at === tabbable}
      open={open}
      fresh={fresh.has(item.id)}
    />
  );
  return (
    <>
      <div class="tests-news" role="status">
        {waiting === '' ? null : (
          <button type="button" class="tests-news-button" onClick={() => showNewest(tree.current, hold)}>
            {waiting} <Icon name="up" size={12} />
          </button>
        )}
      </div>
      <div class="tests-scroll" data-scroller={phone ? undefined : ''}>
        <div
          ref={tree}
          class="tests-tree"
          role="tree"
          aria-label="Tests"
          style={{ height: `${offsets.at(-1) ?? 0}px` }}
          onKeyDown={(event) => pressed(event, items, tabbable)}
        >
          {before === null ? null : row(before, tabbable)}
          {drawn.map((item, at) => row(item, from + at))}
          {behind === null ? null : row(behind, tabbable)}
        </div>
      </div>
    </>
  );
}

function showNewest(tree: HTMLElement | null, hold: (held: boolean) => void): void {
  hold(false);
  thawAsked.value += 1;
  const scroller = tree?.closest('[data-scroller]');
  if (scroller) scroller.scrollTop = 0;
}

interface RowProps {
  item: Item;
  top: number;
  tabbable: boolean;
  open: string | null;
  fresh: boolean;
}

function Row({ item, top, tabbable, open, fresh }: RowProps) {
  const shared = {
    role: 'treeitem' as const,
    'data-id': item.id,
    'aria-level': item.level,
    'aria-setsize': item.siblings,
    'aria-posinset': item.position,
    tabIndex: tabbable ? 0 : -1,
    style: { top: `${top}px`, height: `${item.height}px` },
    onFocus: () => (active.value = item.id),
  };
  const appears = fresh ? ' tests-fresh' : '';
  if (item.kind === 'test') {
    const test = tests.get(item.key);
    const chosen = item.key === open;
    return (
      <div
        {...shared}
        class={`tests-row${appears}`}
        data-form={item.form}
        data-test={item.key}
        aria-selected={chosen}
        onClick={() => openTest(item.key, item.group === 'ask')}
      >
        {test === undefined ? null : <TestContent test={test} form={item.form} inSection={item.level === 3} />}
      </div>
    );
  }
  const toggle = () => fold(item.id, item.open);
  if (item.kind === 'group') {
    const { title, tone, tests: own, sums, id } = item.group;
    return (
      <div {...shared} class={`tests-group${appears}`} aria-expanded={item.open} aria-selected={false} onClick={toggle}>
        <Icon name={item.open ? 'down' : 'right'} size={14} />
        <span class="tests-group-title" data-tone={id === 'rest' ? undefined : tone}>
          {id === 'done' || id === 'queued' ? `${count(own.length)} ${id}` : title}
        </span>
        {id === 'done' || id === 'queued' ? null : <span class="dim">{count(own.length)}</span>}
        {id === 'done' || (id === 'rest' && !item.open) ? <span class="tests-sums dim">{sums}</span> : null}
      </div>
    );
  }
  const { file, project, sums } = item.section;
  return (
    <div {...shared} class={`tests-section${appears}`} aria-expanded={item.open} aria-selected={false} onClick={toggle}>
      {item.open ? null : <Icon name="right" size={12} />}
      <Text of={[file, project].filter((part) => part !== '').join(' · ') || 'no file'} class="tests-file" />
      <span class="tests-sums">{sums}</span>
    </div>
  );
}

/** Opens a test: where there is one pane for it, that comes to the front. */
export function openTest(key: string, asks = false): void {
  const view =
    width.peek() === 'wide' ? (place.peek().view === 'wall' ? 'run' : place.peek().view) : asks ? 'run' : 'steps';
  go({ test: key, view });
}

/** The rows that came since the list was drawn before: they fade in. */
function useFresh(items: readonly Item[]): ReadonlySet<string> {
  const before = useRef<{ items: readonly Item[]; ids: Set<string>; fresh: Set<string> } | null>(null);
  const kept = before.current;
  if (kept?.items === items) return kept.fresh;
  const ids = new Set(items.map((item) => (item.kind === 'test' ? `${item.group} ${item.id}` : item.id)));
  const fresh = new Set<string>();
  if (kept !== null && items.length - kept.items.length < 50) {
    for (const item of items) {
      if (!kept.ids.has(item.kind === 'test' ? `${item.group} ${item.id}` : item.id)) fresh.add(item.id);
    }
  }
  before.current = { items, ids, fresh };
  return fresh;
}

type Tree = { current: HTMLDivElement | null };

/** Which rows are in sight. When rows come or go above them, they stay where they are. */
function useWindow(tree: Tree, items: readonly Item[], offsets: readonly number[]): [number, number] {
  const [range, setRange] = useState<[number, number]>([0, 60]);
  const now = useRef({ items, offsets });
  const anchor = useRef<Anchor | null>(null);
  now.current = { items, offsets };
  const measure = useRef(() => {
    const element = tree.current;
    const scroller = element?.closest('[data-scroller]');
    if (!element || !scroller) return;
    const box = scroller.getBoundingClientRect();
    const top = box.top - element.getBoundingClientRect().top;
    const { items: rows, offsets: edges } = now.current;
    const next = within(edges, Math.max(0, top), Math.max(0, top + box.height), MORE);
    anchor.current = top > 4 ? anchorOf(rows, edges, top) : null;
    setRange((before) => (before[0] === next[0] && before[1] === next[1] ? before : next));
  });
  useLayoutEffect(() => {
    const kept = anchor.current;
    const scroller = tree.current?.closest('[data-scroller]');
    if (kept !== null && scroller) {
      const by = kept.moved(items, offsets);
      if (by !== 0) scroller.scrollTop += by;
    }
    measure.current();
  }, [items, offsets]);
  useEffect(() => {
    const scroller = tree.current?.closest('[data-scroller]');
    if (!scroller) return;
    const look = () => measure.current();
    const observer = new ResizeObserver(look);
    observer.observe(scroller);
    scroller.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      scroller.removeEventListener('scroll', look);
    };
  }, [width.value]);
  return [Math.min(range[0], items.length), Math.min(Math.max(range[1], range[0]), items.length)];
}

/** Takes focus to the row that was asked for, and scrolls it into sight. */
function useFocus(tree: Tree, items: readonly Item[], offsets: readonly number[]): void {
  const asked = useRef(focusAsked.peek());
  useEffect(() => {
    if (asked.current === focusAsked.value) return;
    asked.current = focusAsked.value;
    const at = items.findIndex(({ id }) => id === active.value);
    const element = tree.current;
    const scroller = element?.closest('[data-scroller]');
    if (!element || !scroller) return;
    const row = at >= 0 ? at : 0;
    scrollTo(scroller, element, offsets[row] ?? 0, items[row]?.height ?? 0);
    (element.querySelector<HTMLElement>('[role=treeitem][tabindex="0"]') ?? element).focus({ preventScroll: true });
  });
}

function scrollTo(scroller: Element, tree: Element, offset: number, height: number): void {
  const box = scroller.getBoundingClientRect();
  const top = tree.getBoundingClientRect().top + offset;
  if (top < box.top) scroller.scrollTop -= box.top - top + 32;
  else if (top + height > box.bottom) scroller.scrollTop += top + height - box.bottom + 32;
}
