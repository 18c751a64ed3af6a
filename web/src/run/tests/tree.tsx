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
  const list = useRef<HTMLDivElement>(null);
  const tree = useRef<HTMLDivElement>(null);
  const steady = useMemo(() => new Steady(), []);
  const [held, hold] = useHeld(list);
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
  // one list in order, so that the row that has focus is never taken out of the page and put in again
  const drawn = Array.from({ length: to - from }, (_, at) => from + at);
  if (tabbable < from && items.length > 0) drawn.unshift(tabbable);
  else if (tabbable >= to && tabbable < items.length) drawn.push(tabbable);
  return (
    <div ref={list} class="tests-list">
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
          onKeyDown={(event) => pressed(event, items)}
        >
          {drawn.map((at) => {
            const item = items[at]!;
            return (
              <Row
                key={item.id}
                item={item}
                top={offsets[at] ?? 0}
                tabbable={at === tabbable}
                open={open}
                fresh={fresh.has(item.id)}
              />
            );
          })}
        </div>
      </div>
    </div>
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

/** The rows that came since the list was drawn before: they fade in. Those of the rest are too many to be news. */
function useFresh(items: readonly Item[]): ReadonlySet<string> {
  const before = useRef<{ items: readonly Item[]; names: Set<string>; fresh: Set<string> } | null>(null);
  const kept = before.current;
  if (kept?.items === items) return kept.fresh;
  const names = new Set<string>();
  const fresh = new Set<string>();
  for (const item of items) {
    if (item.kind === 'section' || (item.kind === 'test' && item.group === 'rest')) continue;
    const name = item.kind === 'test' ? `${item.group} ${item.id}` : item.id;
    names.add(name);
    if (kept !== null && !kept.names.has(name)) fresh.add(item.id);
  }
  before.current = { items, names, fresh };
  return fresh;
}

type Tree = { current: HTMLDivElement | null };

/** Which rows are in sight. When rows come or go above them, they stay where they are. */
function useWindow(tree: Tree, items: readonly Item[], offsets: readonly number[]): [number, number] {
  const [range, setRange] = useState<[number, number]>([0, 60]);
  const now = useRef({ items, offsets });
  const anchor = useRef<Anchor | null>(null);
  now.current = { items, offsets };
  // where the rows in sight begin and how high they are; read anew when it may have changed, since reading lays out
  // the page
  const sight = useRef({ top: 0, height: 900 });
  const look = useRef((anew: boolean) => {
    const element = tree.current;
    const scroller = element?.closest('[data-scroller]');
    if (!element || !scroller) return;
    if (anew) {
      const box = scroller.getBoundingClientRect();
      sight.current = { top: box.top - element.getBoundingClientRect().top, height: box.height };
    }
    const { top, height } = sight.current;
    const { items: rows, offsets: edges } = now.current;
    const next = within(edges, Math.max(0, top), Math.max(0, top + height), MORE);
    anchor.current = top > 4 ? anchorOf(rows, edges, top) : null;
    setRange((before) => (before[0] === next[0] && before[1] === next[1] ? before : next));
  });
  useLayoutEffect(() => {
    const by = anchor.current?.moved(items, offsets) ?? 0;
    const scroller = tree.current?.closest('[data-scroller]');
    if (by !== 0 && scroller) scroller.scrollTop += by;
    look.current(by !== 0);
  }, [items, offsets]);
  useEffect(() => {
    const scroller = tree.current?.closest('[data-scroller]');
    if (!scroller) return;
    const lookAnew = () => look.current(true);
    const observer = new ResizeObserver(lookAnew);
    observer.observe(scroller);
    for (const child of scroller.children) observer.observe(child);
    scroller.addEventListener('scroll', lookAnew, { passive: true });
    return () => {
      observer.disconnect();
      scroller.removeEventListener('scroll', lookAnew);
    };
  }, [width.value]);
  return [Math.min(range[0], items.length), Math.min(Math.max(range[1], range[0]), items.length)];
}

/** Takes focus to the row that was asked for, and scrolls it into sight. */
function useFocus(tree: Tree, items: readonly Item[], offsets: readonly number[]): void {
  const asked = useRef(focusAsked.peek());
  const wanted = focusAsked.value;
  useLayoutEffect(() => {
    if (asked.current === wanted) return;
    asked.current = wanted;
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
