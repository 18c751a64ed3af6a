/**
 * A line between two panes that can be moved: by pointer, and by arrow keys. What was chosen is kept in this browser.
 */
import { signal, type Signal } from '@preact/signals';

import { keep, setting } from './who.js';

/** The size of a pane that can be changed, in pixels. */
export interface Size {
  name: string;
  value: Signal<number>;
  min: number;
  max: number;
  /** What it is at first, and after a double click. */
  usual: number;
}

/** A size that is kept under its name. */
export function size(name: string, usual: number, min: number, max: number): Size {
  const kept = Number(setting(`runcast-size-${name}`) ?? NaN);
  return { name, usual, min, max, value: signal(Number.isFinite(kept) && kept > 0 ? within(kept, min, max) : usual) };
}

function within(value: number, min: number, max: number): number {
  return Math.round(Math.min(max, Math.max(min, value)));
}

/** Changes a size and keeps it. */
export function resize(of: Size, to: number): void {
  of.value.value = within(to, of.min, of.max);
  keep(`runcast-size-${of.name}`, String(of.value.value));
}

export interface SplitterProps {
  of: Size;
  /** What it changes: `Width of the tests`. */
  label: string;
  /** `vertical`: a line from top to bottom, between a left and a right pane. */
  line?: 'vertical' | 'horizontal';
  /** On which side of the line the pane is: `before` is left of it or above. */
  pane?: 'before' | 'after';
}

/** The line. It lies on the border of the panes, and takes no room. */
export function Splitter({ of, label, line = 'vertical', pane = 'before' }: SplitterProps) {
  const upright = line === 'vertical';
  const grow = pane === 'before' ? 1 : -1;
  const drag = (event: PointerEvent) => {
    if (event.button !== 0) return;
    event.preventDefault();
    const handle = event.currentTarget as HTMLElement;
    handle.focus({ preventScroll: true });
    const from = upright ? event.clientX : event.clientY;
    const before = of.value.peek();
    handle.setPointerCapture(event.pointerId);
    const move = (at: PointerEvent) => resize(of, before + grow * ((upright ? at.clientX : at.clientY) - from));
    const end = () => {
      handle.removeEventListener('pointermove', move);
      handle.removeEventListener('lostpointercapture', end);
    };
    handle.addEventListener('pointermove', move);
    handle.addEventListener('lostpointercapture', end);
  };
  const press = (event: KeyboardEvent) => {
    const step = event.shiftKey ? 64 : 16;
    const by: Record<string, number> = upright
      ? { ArrowLeft: -step, ArrowRight: step }
      : { ArrowUp: -step, ArrowDown: step };
    const to: Record<string, number> = { Home: of.min, End: of.max };
    const change = by[event.key];
    const goal = change === undefined ? to[event.key] : of.value.peek() + grow * change;
    if (goal === undefined) return;
    event.preventDefault();
    resize(of, goal);
  };
  return (
    <div
      role="separator"
      class={`splitter splitter-${line}`}
      tabIndex={0}
      aria-label={label}
      aria-orientation={line}
      aria-valuenow={of.value.value}
      aria-valuemin={of.min}
      aria-valuemax={of.max}
      title={`${label}: drag, or press arrow keys`}
      onPointerDown={drag}
      onKeyDown={press}
      onDblClick={() => resize(of, of.usual)}
    />
  );
}
