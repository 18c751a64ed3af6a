/** The track: density, ticks, the knob. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { timeOfDay } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { head, timeline } from '../store.js';
import { MARKS, markWords, openMark } from './marks.js';
import { bars, labels, markNear, seqAt, ticks, timeAt, valueText, xOf, type Tick } from './scale.js';
import { byEvents, byShare, drag, drop, goTo, held, knob, tip, toLive } from './state.js';

/** Pixels of a bar and its gap, and of the highest bar. */
const PITCH = 4;
const HIGH = 18;

/** The width of an element, in pixels. */
function useWidth(element: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return width;
}

export function Track() {
  const track = useRef<HTMLDivElement>(null);
  const width = useWidth(track);
  const [hover, setHover] = useState<number | null>(null);
  const range = timeline.value;
  const shape = useMemo(() => (range === null ? '' : outline(bars(range.bins, Math.floor(width / PITCH)))), [range, width]);
  const list = useMemo(() => (range === null ? [] : ticks(range.marks, range, width)), [range, width]);
  const axis = useMemo(() => (range === null ? [] : labels(range, width)), [range, width]);
  const x = range === null ? width : xOf(knob.value.at, range, width);
  const placeOf = (event: PointerEvent) => event.clientX - (track.current?.getBoundingClientRect().left ?? 0);
  return (
    <div
      ref={track}
      class={knob.value.live ? 'slider-track' : 'slider-track slider-past'}
      onPointerDown={(event) => {
        if (event.button !== 0 || (event.target as Element).closest('.slider-tick') !== null) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setHover(null);
        drag(placeOf(event), width);
      }}
      onPointerMove={(event) => {
        if (held.peek() !== null) drag(placeOf(event), width);
        else if (event.pointerType === 'mouse') setHover(placeOf(event));
      }}
      onPointerUp={() => held.peek() !== null && drop(width)}
      onPointerCancel={() => held.peek() !== null && drop(width)}
      onPointerLeave={() => setHover(null)}
    >
      <svg class="slider-bars" width={width} height={HIGH} aria-hidden="true">
        <path d={shape} />
      </svg>
      <div class="slider-rail" aria-hidden="true">
        <div class="slider-done" style={{ width: `${x}px` }} />
      </div>
      {list.map((tick) => (
        <TickMark key={`${tick.mark.kind}.${tick.mark.seq}`} tick={tick} />
      ))}
      {axis.map((label) => (
        <span
          key={label.text}
          class={label.x === 0 ? 'slider-label slider-first' : 'slider-label'}
          style={{ left: `${label.x}px` }}
          data-under={markNear(list, label.x, 24) === null ? undefined : ''}
          aria-hidden="true"
        >
          {label.text}
        </span>
      ))}
      <Knob x={x} />
      {hover === null || range === null ? null : <Tip x={hover} width={width} list={list} />}
    </div>
  );
}

function outline(heights: readonly number[]): string {
  return heights
    .map((height, bar) => {
      const high = Math.round(height * HIGH * 2) / 2;
      return high <= 0 ? '' : `M${bar * PITCH} ${HIGH}v${-high}h${PITCH - 1}v${high}z`;
    })
    .join('');
}

function TickMark({ tick }: { tick: Tick }) {
  const { icon, tone } = MARKS[tick.mark.kind];
  const words = markWords(tick.mark, tick.many);
  return (
    <button
      type="button"
      class="slider-tick"
      data-tone={tone}
      tabIndex={-1}
      aria-label={`${words}, ${timeOfDay(tick.mark.at, true)}`}
      style={{ left: `${tick.x}px` }}
      onClick={() => openMark(tick.mark)}
    >
      <Icon name={icon} size={12} />
    </button>
  );
}

function Knob({ x }: { x: number }) {
  const range = timeline.value;
  const { at, seq } = knob.value;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const many = event.shiftKey ? 10 : 1;
    if (event.key === 'ArrowLeft' || event.key === 'ArrowDown') byEvents(-many);
    else if (event.key === 'ArrowRight' || event.key === 'ArrowUp') byEvents(many);
    else if (event.key === 'PageUp') byShare(0.1);
    else if (event.key === 'PageDown') byShare(-0.1);
    else if (event.key === 'Home') goTo(1);
    else if (event.key === 'End') toLive();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      class="slider-knob"
      role="slider"
      tabIndex={0}
      aria-label="Moment that is shown"
      aria-valuemin={head.value?.firstAvailable ?? 1}
      aria-valuemax={Math.max(1, tip.value)}
      aria-valuenow={seq}
      aria-valuetext={range === null ? 'no events yet' : valueText(at, seq, tip.value)}
      aria-orientation="horizontal"
      style={{ left: `${x}px` }}
      onKeyDown={onKeyDown}
    />
  );
}

/** What is under the pointer: the moment, and what happened there. */
function Tip({ x, width, list }: { x: number; width: number; list: Tick[] }) {
  const range = timeline.value;
  if (range === null) return null;
  const near = markNear(list, x);
  const at = near?.mark.at ?? timeAt(x, range, width);
  const seq = near?.mark.seq ?? seqAt(at, range);
  const left = Math.max(0, Math.min(width, x));
  return (
    <div class="slider-tip" data-side={left > width - 130 ? 'end' : left < 130 ? 'start' : undefined} style={{ left: `${left}px` }} aria-hidden="true">
      {near === null ? null : (
        <span class="slider-tip-mark status-icon" data-tone={MARKS[near.mark.kind].tone}>
          <Icon name={MARKS[near.mark.kind].icon} size={12} /> <bdi>{markWords(near.mark, near.many)}</bdi>
        </span>
      )}
      <span>
        {timeOfDay(at, true)} <span class="dim">event {seq.toLocaleString('en')}</span>
      </span>
    </div>
  );
}
