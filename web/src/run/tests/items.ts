/** The rows of the tree, from top to bottom: heads of groups and files, and tests, each as high as it is drawn. */
import type { TestKey, TestRow } from '../../model.js';
import { shownOf } from '../../ui/status.js';
import type { Group, GroupId, Section } from './groups.js';

/** How a test is drawn: on one line; with what it does; with its error; with its question. */
export type Form = 'plain' | 'running' | 'failed' | 'flaky' | 'ask';

interface Placed {
  /** Unique, and the same from one list to the next. */
  id: string;
  height: number;
  level: number;
  /** Its place among its siblings, from 1, and their number. */
  position: number;
  siblings: number;
}

export interface GroupItem extends Placed {
  kind: 'group';
  group: Group;
  open: boolean;
}
export interface SectionItem extends Placed {
  kind: 'section';
  section: Section;
  open: boolean;
}
export interface TestItem extends Placed {
  kind: 'test';
  key: TestKey;
  group: GroupId;
  form: Form;
}
export type Item = GroupItem | SectionItem | TestItem;

/** Heights in pixels, with a mouse and on a phone. */
export const HEIGHTS = {
  desktop: { group: 32, section: 28, plain: 28, running: 53, failed: 88, flaky: 70, ask: 70 },
  phone: { group: 44, section: 44, plain: 44, running: 55, failed: 91, flaky: 73, ask: 73 },
} as const;

const FORMS: Partial<Record<GroupId, Form>> = { failed: 'failed', running: 'running', ask: 'ask', flaky: 'flaky' };

/** Groups whose heads phones leave out: what is in them says it itself. */
const BARE: ReadonlySet<GroupId> = new Set(['ask', 'failed', 'running', 'flaky']);

export interface Shape {
  /** Ids of heads. */
  folded: ReadonlySet<string>;
  /** The test that is open: a flaky one shows its error then. */
  open?: TestKey | null;
  phone?: boolean;
}

/** The rows. */
export function itemsOf(groups: readonly Group[], { folded, open: opened = null, phone = false }: Shape): Item[] {
  const heights = phone ? HEIGHTS.phone : HEIGHTS.desktop;
  const items: Item[] = [];
  const rows = (tests: readonly TestRow[], group: GroupId, level: number) => {
    for (const [at, test] of tests.entries()) {
      const form = formOf(test, group, test.key === opened);
      items.push({
        kind: 'test',
        id: `t ${test.key}`,
        key: test.key,
        group,
        form,
        height: heights[form],
        level,
        position: at + 1,
        siblings: tests.length,
      });
    }
  };
  for (const [at, group] of groups.entries()) {
    const bare = phone && BARE.has(group.id);
    const open = bare || !folded.has(group.id);
    if (!bare) {
      items.push({
        kind: 'group',
        id: group.id,
        group,
        open,
        height: heights.group,
        level: 1,
        position: at + 1,
        siblings: groups.length,
      });
    }
    if (!open) continue;
    if (group.sections === null) {
      rows(group.tests, group.id, bare ? 1 : 2);
      continue;
    }
    for (const [index, section] of group.sections.entries()) {
      const id = `s ${section.id}`;
      const shown = !folded.has(id);
      items.push({
        kind: 'section',
        id,
        section,
        open: shown,
        height: heights.section,
        level: 2,
        position: index + 1,
        siblings: group.sections.length,
      });
      if (shown) rows(section.tests, group.id, 3);
    }
  }
  return items;
}

function formOf(test: TestRow, group: GroupId, opened: boolean): Form {
  const form = FORMS[group] ?? 'plain';
  if (form === 'flaky') return test.error === null || !opened ? 'plain' : 'flaky';
  if (form === 'failed') return test.error === null && shownOf(test) !== 'held' ? 'flaky' : 'failed';
  return form;
}

/** Where each row begins, and at the end how high all are together. */
export function offsetsOf(items: readonly Item[]): number[] {
  const offsets = [0];
  for (const item of items) offsets.push((offsets.at(-1) ?? 0) + item.height);
  return offsets;
}

/** The rows from `top` to `bottom`, and some more on both sides: the first, and the one behind the last. */
export function within(
  offsets: readonly number[],
  top: number,
  bottom: number,
  more: number,
): [from: number, to: number] {
  const number = offsets.length - 1;
  const from = Math.max(0, rowAt(offsets, top) - more);
  const to = Math.min(number, rowAt(offsets, bottom) + 1 + more);
  return [Math.min(from, number), to];
}

/** The row at a height. */
export function rowAt(offsets: readonly number[], height: number): number {
  let low = 0;
  let high = offsets.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] ?? 0) <= height) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}
