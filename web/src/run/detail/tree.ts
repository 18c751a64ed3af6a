/** Steps as a tree, and which of its rows are in sight. */
import type { ErrorInfo, Step } from '../../model.js';

export interface Node {
  step: Step;
  children: Node[];
  parent: Node | null;
  /** 1 for those that belong to no other. */
  level: number;
  /** It, or a step below it, has failed. */
  failed: boolean;
}

/** A row: a step, with what is told of it, and its error. */
export interface Row {
  key: string;
  node: Node;
  /** Whether its children are in sight; null: there are none. */
  open: boolean | null;
  /** Its place among its siblings that are in sight, from 1, and how many these are. */
  position: number;
  size: number;
  /** More is told of it. */
  selected: boolean;
  error: ErrorInfo | null;
}

/** The steps of an attempt as a tree, in the order in which they came. A parent that is not known yet is none. */
export function treeOf(steps: Iterable<Step>, attempt: number): Node[] {
  const roots: Node[] = [];
  const nodes = new Map<string, Node>();
  for (const step of steps) {
    if (step.attempt !== attempt) continue;
    const parent = step.parent === null ? null : (nodes.get(step.parent) ?? null);
    const node: Node = { step, children: [], parent, level: (parent?.level ?? 0) + 1, failed: false };
    nodes.set(step.id, node);
    (parent?.children ?? roots).push(node);
    if (step.state === 'failed') for (let one: Node | null = node; one !== null && !one.failed; one = one.parent) one.failed = true;
  }
  return roots;
}

const FOLDED = new Set(['hook', 'fixture']);

/**
 * Whether a step's children are in sight if nobody has said: hooks and fixtures are folded, unless they failed. `brief`: only
 * what failed is open.
 */
export function opensByItself({ step, failed, children }: Node, brief: boolean): boolean {
  if (failed) return children.some((child) => child.failed);
  return !brief && !FOLDED.has(step.category ?? '');
}

/** The error that is shown below a step: of a branch only the deepest step that has it. */
export function ownError({ step, children }: Node): ErrorInfo | null {
  const { error } = step;
  if (error === null) return null;
  return children.some((child) => hasError(child, error.message)) ? null : error;
}

function hasError(node: Node, message: string): boolean {
  return node.step.error?.message === message || node.children.some((child) => hasError(child, message));
}

function matches({ title, subtitle, error, actor }: Step, words: string): boolean {
  return [title, subtitle, error?.message, actor].some((text) => text != null && text.toLowerCase().includes(words));
}

/** What decides which rows there are. */
export interface Sight {
  /** Steps that somebody opened or folded, by id. */
  folds: ReadonlyMap<string, boolean>;
  /** What nobody has opened is folded, unless it failed. */
  brief?: boolean;
  /** Only steps with these words, and those that they belong to; empty: all. */
  words: string;
  /** The step of which more is told. */
  selected: string | null;
}

/** The rows that are in sight, and how many steps have the words. */
export function rowsOf(roots: readonly Node[], { folds, words, selected, brief = false }: Sight): { rows: Row[]; hits: number } {
  const rows: Row[] = [];
  const sought = words.trim().toLowerCase();
  const shown = sought === '' ? null : new Set<Node>();
  let hits = 0;
  if (shown !== null) {
    const look = (nodes: readonly Node[]) => {
      for (const node of nodes) {
        if (matches(node.step, sought)) {
          hits += 1;
          for (let one: Node | null = node; one !== null && !shown.has(one); one = one.parent) shown.add(one);
        }
        look(node.children);
      }
    };
    look(roots);
  }
  const walk = (nodes: readonly Node[]) => {
    const own = shown === null ? nodes : nodes.filter((node) => shown.has(node));
    own.forEach((node, index) => {
      const { id } = node.step;
      const below = shown === null ? node.children : node.children.filter((child) => shown.has(child));
      const open = below.length === 0 ? null : shown !== null ? true : (folds.get(id) ?? opensByItself(node, brief));
      rows.push({ key: id, node, open, position: index + 1, size: own.length, selected: selected === id, error: ownError(node) });
      if (open) walk(node.children);
    });
  };
  walk(roots);
  return { rows, hits };
}

/** The ids of the steps above one that are folded, and hide it; null: there is no such step. */
export function closedAbove(roots: readonly Node[], sight: Pick<Sight, 'folds' | 'brief'>, id: string): string[] | null {
  for (const node of roots) {
    if (node.step.id === id) return [];
    const below = closedAbove(node.children, sight, id);
    if (below !== null) return (sight.folds.get(node.step.id) ?? opensByItself(node, sight.brief ?? false)) ? below : [node.step.id, ...below];
  }
  return null;
}

/** The step whose error is shown first; null: none failed. */
export function firstFailure(roots: readonly Node[]): Node | null {
  for (const node of roots) {
    if (!node.failed) continue;
    const below = ownError(node) === null ? firstFailure(node.children) : null;
    return below ?? node;
  }
  return null;
}

/** How many steps there are, those within hooks and fixtures left out. */
export function countOf(nodes: readonly Node[]): number {
  let sum = 0;
  for (const node of nodes) sum += 1 + (FOLDED.has(node.step.category ?? '') ? 0 : countOf(node.children));
  return sum;
}

/** Errors of an attempt that no step in the tree shows. */
export function otherErrors(errors: readonly ErrorInfo[], roots: readonly Node[]): ErrorInfo[] {
  return errors.filter(({ message }) => !roots.some((node) => hasError(node, message)));
}
