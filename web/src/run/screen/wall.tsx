/** The screens of all workers. */
import { useEffect, useRef, useState } from 'preact/hooks';

import { PauseButton } from '../control/pause.js';
import { mayControl } from '../rights.js';
import { go } from '../place.js';
import { moment } from '../store.js';
import { plural } from '../../ui/format.js';
import { chosen, workers } from './choice.js';
import { gridOf, inSight } from './grid.js';
import { ScreenButtons } from './tabs.js';
import { Tile } from './tile.js';
import { useLook } from './use-look.js';

const MOVES: Record<string, (columns: number) => number> = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: (columns) => -columns,
  ArrowDown: (columns) => columns,
};

export function Wall() {
  const room = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0, top: 0 });
  const [current, setCurrent] = useState(0);
  const all = workers.value;
  const grid = gridOf(all.length, size.width, size.height);
  const { from, to } = inSight(grid, all.length, size.top, size.height);
  useLook(room, all.length === 0 ? null : 'wall', size.width === 0 ? 1 : grid.width / size.width);
  useEffect(() => {
    const element = room.current;
    if (element === null) return;
    const measure = () =>
      setSize((before) => {
        const now = { width: element.clientWidth - 32, height: element.clientHeight - 12, top: element.scrollTop };
        return before.width === now.width && before.height === now.height && before.top === now.top ? before : now;
      });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);
  const at = Math.min(current, Math.max(0, all.length - 1));
  const move = (event: KeyboardEvent) => {
    const step = MOVES[event.key]?.(grid.columns);
    if (step === undefined) return;
    event.preventDefault();
    const next = at + step;
    if (next < 0 || next >= all.length) return;
    setCurrent(next);
    room.current?.scrollTo({ top: scrollFor(Math.floor(next / grid.columns) * grid.row, grid.row, size) });
    const stream = all[next]?.stream;
    requestAnimationFrame(() =>
      room.current?.querySelector<HTMLElement>(`[data-stream="${CSS.escape(stream ?? '')}"]`)?.focus(),
    );
  };
  const open = (stream: string) => {
    chosen.value = stream;
    go({ view: 'run' });
  };
  return (
    <section class="wall" aria-label="Wall" data-full>
      <header class="screen-head wall-head">
        <h2>Wall</h2>
        <span class="dim">
          {plural(all.length, 'worker')}
          {moment.value.live ? ', a picture a second of each that moves' : ': screens are live only, and not kept'}
        </span>
        <span class="sentence-room" />
        {mayControl.value ? <PauseButton all /> : null}
        <ScreenButtons />
      </header>
      <div ref={room} class="wall-room" onKeyDown={move}>
        {all.length === 0 ? <p class="wall-empty dim">No worker runs a test yet.</p> : null}
        <div class="wall-tiles" style={{ height: `${Math.ceil(all.length / grid.columns) * grid.row}px` }}>
          {size.width <= 0
            ? null
            : all.map((slot, place) => {
                // that which has focus stays, wherever one scrolls
                if ((place < from || place >= to) && place !== at) return null;
                return (
                  <Tile
                    key={slot.stream}
                    slot={slot}
                    left={(place % grid.columns) * (grid.width + 16)}
                    top={Math.floor(place / grid.columns) * grid.row}
                    width={grid.width}
                    height={grid.height}
                    current={place === at}
                    onOpen={() => open(slot.stream)}
                    onFocus={() => setCurrent(place)}
                  />
                );
              })}
        </div>
      </div>
    </section>
  );
}

function scrollFor(top: number, row: number, seen: { top: number; height: number }): number {
  if (top < seen.top) return top;
  return top + row > seen.top + seen.height ? top + row - seen.height : seen.top;
}
