/** The steps of an attempt, as a tree of which only the rows in sight are drawn. */
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import type { Attempt, Step, TestKey } from '../../model.js';
import { say } from '../../ui/announce.js';
import { copyText } from '../../ui/copy.js';
import { Icon } from '../../ui/icons.js';
import { Button } from '../../ui/button.js';
import { count, duration, plural } from '../../ui/format.js';
import { go, place, urlOf } from '../place.js';
import { StepRow } from './step-row.js';
import { closedAbove, countOf, firstFailure, rowsOf, treeOf, type Row } from './tree.js';
import { useVirtual } from './virtual.js';

const ROW = matchMedia('(pointer: coarse)').matches ? 44 : 28;

export interface StepsProps {
  test: TestKey;
  attempt: Attempt;
  steps: ReadonlyMap<string, Step>;
  /** Number of steps that were left out, since there are too many. */
  omitted: number;
  scroller: RefObject<HTMLElement | null>;
  /** Errors stand above the steps: these are what one sees first. */
  hasErrorsAbove: boolean;
}

/** Copies the link to a step. */
export async function copyStepLink(test: TestKey, attempt: number, step: string): Promise<void> {
  const link = location.origin + urlOf({ ...place.peek(), test, attempt, step, line: null });
  say((await copyText(link)) ? 'Link to the step copied' : 'The browser did not allow to copy');
}

export function Steps({ test, attempt, steps, omitted, scroller, hasErrorsAbove }: StepsProps) {
  const number = attempt.attempt;
  const selected = place.value.step;
  const [folds, setFolds] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [words, setWords] = useState<string | null>(null);
  const [active, setActive] = useState<string | null>(null);
  const [above, setAbove] = useState(0);
  // Of an attempt that had failed when it was opened only what failed is open; of one that fails later nothing is folded.
  const [brief] = useState(attempt.status === 'failed' || attempt.status === 'timedout');
  const list = useRef<HTMLDivElement>(null);
  const wantsFocus = useRef(false);
  const handled = useRef('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), [words === null]);

  const roots = useMemo(() => treeOf(steps.values(), number), [steps, number]);
  const { rows, hits } = useMemo(() => rowsOf(roots, { folds, brief, words: words ?? '', selected }), [roots, folds, brief, words, selected]);
  const total = useMemo(() => countOf(roots), [roots]);
  const find = (key: string | null) => (key === null ? -1 : rows.findIndex((row) => row.key === key));
  const current = Math.max(0, find(active) >= 0 ? find(active) : find(selected));

  const virtual = useVirtual({
    count: rows.length,
    key: (index) => rows[index]?.key ?? String(index),
    height: (index) => ROW + (rows[index]?.error == null ? 0 : 220) + (rows[index]?.selected ? 60 : 0),
    scroller,
    above,
    keep: active === null ? -1 : find(active),
  });

  // What is above the list moves it: the virtual rows count from the scroller's top.
  useLayoutEffect(() => {
    const top = list.current === null || scroller.current === null ? 0 : offsetIn(list.current, scroller.current);
    if (Math.abs(top - above) > 0.5) setAbove(top);
  });

  // A link leads to a step: what it belongs to is opened, and it is brought into sight.
  const target = selected === null ? '' : `${test}/${number}/${selected}`;
  useEffect(() => {
    if (selected === null || handled.current === target) return;
    const closed = closedAbove(roots, { folds, brief }, selected);
    if (closed === null) return;
    if (closed.length > 0) return setFolds(new Map([...folds, ...closed.map((id) => [id, true] as const)]));
    const at = find(selected);
    if (at < 0) return;
    handled.current = target;
    virtual.scrollToIndex(at, { align: 'center' });
  }, [target, roots, folds]);

  // Nobody has said where to: an attempt that failed begins at its failure.
  useEffect(() => {
    if (!brief || selected !== null || handled.current !== '' || rows.length === 0) return;
    const failure = firstFailure(roots);
    handled.current = 'failure';
    if (failure !== null && !hasErrorsAbove) virtual.scrollToIndex(find(failure.step.id), { align: 'auto' });
  }, [roots]);

  // As long as it runs and its last row is in sight, the newest stays in sight.
  const end = useRef({ rows: 0, inSight: false });
  useLayoutEffect(() => {
    if (attempt.status === 'running' && end.current.inSight && rows.length > end.current.rows) {
      virtual.scrollToIndex(rows.length - 1, { align: 'auto' });
    }
    end.current.rows = rows.length;
  }, [rows.length]);
  useEffect(() => {
    const shown = virtual.range;
    end.current.inSight = shown !== null && shown.endIndex >= rows.length - 1 && (scroller.current?.scrollTop ?? 0) > 0;
  });

  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    const row = list.current?.querySelector<HTMLElement>('[role=treeitem][tabindex="0"]');
    if (row == null) return;
    wantsFocus.current = false;
    row.focus({ preventScroll: true });
  });

  const fold = ({ node, open }: Row, to = open === false) => {
    if (open !== null && open !== to) setFolds(new Map(folds).set(node.step.id, to));
  };
  const select = (row: Row) => {
    const id = row.node.step.id;
    const next = selected === id ? null : id;
    handled.current = next === null ? '' : `${test}/${number}/${next}`;
    setActive(id);
    go({ step: next, attempt: number });
  };
  const moveTo = (index: number) => {
    const row = rows[Math.max(0, Math.min(index, rows.length - 1))];
    if (row === undefined) return;
    wantsFocus.current = true;
    setActive(row.key);
    virtual.scrollToIndex(rows.indexOf(row), { align: 'auto' });
  };
  const press = (event: KeyboardEvent) => {
    const row = rows[current];
    const onRow = (event.target as Element).getAttribute('role') === 'treeitem';
    if (row === undefined || !onRow || event.ctrlKey || event.metaKey || event.altKey) return;
    const act: Record<string, () => void> = {
      ArrowDown: () => moveTo(current + 1),
      ArrowUp: () => moveTo(current - 1),
      Home: () => moveTo(0),
      End: () => moveTo(rows.length - 1),
      ArrowRight: () => (row.open === false ? fold(row, true) : row.open ? moveTo(current + 1) : undefined),
      ArrowLeft: () => (row.open ? fold(row, false) : row.node.parent === null ? undefined : moveTo(find(row.node.parent.step.id))),
      Enter: () => select(row),
      ' ': () => select(row),
      c: () => void copyStepLink(test, number, row.key),
    };
    const run = act[event.key];
    if (run === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  };

  const items = virtual.getVirtualItems();
  return (
    <>
      <div class="detail-section-head">
        <h3>Steps</h3>
        <span class="dim">
          {count(total)}
          {attempt.durationMs === null ? '' : `, ${duration(attempt.durationMs)}`}
        </span>
        <span class="detail-gap" />
        <Button kind="quiet" icon="search" label="Search in the steps" expanded={words !== null} onClick={() => setWords(words === null ? '' : null)} />
      </div>
      {words === null ? null : (
        <div class="steps-search">
          <Icon name="search" size={14} />
          <input
            type="search"
            aria-label="Search in the steps"
            placeholder="Title, locator or error"
            value={words}
            ref={field}
            onInput={({ currentTarget }) => setWords(currentTarget.value)}
            onKeyDown={(event) => event.key === 'Escape' && (event.stopPropagation(), setWords(null))}
          />
          {words.trim() === '' ? null : <span class="dim">{plural(hits, 'step')}</span>}
        </div>
      )}
      {omitted > 0 ? <p class="detail-note">{plural(omitted, 'step')} left out: there are too many to show.</p> : null}
      {rows.length === 0 ? (
        <p class="detail-note">{words?.trim() ? 'No step has these words.' : attempt.status === 'running' ? 'It has not begun a step yet.' : 'It told of no steps.'}</p>
      ) : (
        <div ref={list} class="steps" role="tree" aria-label="Steps" style={{ height: `${virtual.getTotalSize()}px` }} onKeyDown={press}>
          {items.map(({ index, start }) => {
            const row = rows[index];
            if (row === undefined) return null;
            return (
              <StepRow
                key={row.key}
                row={row}
                index={index}
                top={start - above}
                measure={virtual.measureElement}
                attempt={attempt}
                test={test}
                tabbable={index === current}
                onSelect={() => select(row)}
                onFold={() => fold(row)}
                onFocus={() => setActive(row.key)}
              />
            );
          })}
        </div>
      )}
    </>
  );
}

function offsetIn(element: HTMLElement, scroller: HTMLElement): number {
  return element.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
}
