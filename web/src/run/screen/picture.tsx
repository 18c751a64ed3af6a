/** A screen: the picture, what is outlined in it, and why there is none. */
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { connection, head } from '../store.js';
import { useTick } from '../use-tick.js';
import type { Slot, TestRow } from '../../model.js';
import { drawnOf, firstAt, show } from './pictures.js';
import { boxOf, pointAt } from './points.js';
import { reasonOf } from './reasons.js';
import { lookingSince } from './use-look.js';

export interface PictureProps {
  slot: Slot | null;
  test: TestRow | null;
  /** What it shows, in words. */
  alt: string;
  paused?: boolean;
  room?: RefObject<HTMLDivElement>;
  /** The pixel of the page that was clicked. Missing: it can't be clicked. */
  onPoint?: ((point: { x: number; y: number }) => void) | undefined;
}

export function Picture({ slot, test, alt, paused = false, room, onPoint }: PictureProps) {
  const own = useRef<HTMLDivElement>(null);
  const holder = room ?? own;
  const stream = slot?.stream ?? null;
  useEffect(() => (stream === null || holder.current === null ? undefined : show(stream, holder.current)), [stream]);
  const drawn = stream === null ? null : drawnOf(stream).value;
  const box = boxOf(test?.step?.box ?? null);
  const click = (event: MouseEvent) => {
    if (onPoint === undefined || drawn === null || holder.current === null) return;
    const rect = holder.current.getBoundingClientRect();
    const at = { x: event.clientX - rect.left - holder.current.clientLeft, y: event.clientY - rect.top - holder.current.clientTop };
    const point = pointAt(at, { width: holder.current.clientWidth, height: holder.current.clientHeight }, drawn);
    if (point !== null) onPoint(point);
  };
  const names = ['picture'];
  if (paused) names.push('picture-paused');
  if (onPoint !== undefined && drawn !== null) names.push('picture-clickable');
  return (
    <div ref={holder} class={names.join(' ')} role={drawn === null ? undefined : 'img'} aria-label={drawn === null ? undefined : alt} onClick={click}>
      {drawn === null ? (
        <Missing slot={slot} />
      ) : box === null || test?.status !== 'running' ? null : (
        <svg class="picture-marks" viewBox={`0 0 ${drawn.width} ${drawn.height}`} aria-hidden="true">
          <rect
            {...box}
            rx={(6 * drawn.width) / 1280}
            stroke-width={(4 * drawn.width) / 1280}
            class={paused ? 'picture-target picture-target-paused' : 'picture-target'}
          />
        </svg>
      )}
    </div>
  );
}

function Missing({ slot }: { slot: Slot | null }) {
  const looking = lookingSince.value;
  useTick(true, 1_000);
  const { what, why } = reasonOf({
    worker: slot?.label ?? null,
    running: slot?.running ?? false,
    over: head.value?.over ?? false,
    connection: connection.value?.status ?? null,
    lookedMs: looking === null ? null : Date.now() - looking.at,
    othersSend: firstAt.value !== null,
  });
  return (
    <p class="picture-missing">
      <strong>{what}</strong>
      <span>{why}</span>
    </p>
  );
}
