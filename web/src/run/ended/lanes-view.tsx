/** Lanes of workers: when each test ran, and where. A list for screen readers and keys, a picture for eyes. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { clockTime, duration, plural } from '../../ui/format.js';
import { LOOKS } from '../../ui/status.js';
import { oneLine } from '../../ui/text.js';
import { WorkerTag } from '../../ui/worker-tag.js';
import { go, place } from '../place.js';
import { tests, testsVersion } from '../store.js';
import { blockAt, lanesOf, ticks, type Block, type Lanes } from './lanes.js';
import { measuresOf, paint } from './paint.js';

type At = { lane: number; block: number };

export function LanesView() {
  void testsVersion.value;
  const lanes = useMemo(() => lanesOf(tests.values()), [testsVersion.value]);
  if (lanes === null) return null;
  return (
    <section class="ended-part lanes" aria-label="Workers">
      <Chart lanes={lanes} />
    </section>
  );
}

function says(block: Block, lanes: Lanes, lane: number): string {
  const parts = [
    oneLine(block.title, 200),
    block.project === null ? '' : oneLine(block.project, 60),
    LOOKS[block.state].word,
    duration(block.to - block.from),
    `from ${clockTime(block.from - lanes.from)}`,
    `worker ${lanes.lanes[lane]!.name}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function Chart({ lanes }: { lanes: Lanes }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [theme, setTheme] = useState(0);
  const [at, setAt] = useState<At>({ lane: 0, block: 0 });
  const [focused, setFocused] = useState(false);
  const [over, setOver] = useState<At | null>(null);
  const { height, gap } = measuresOf(lanes.lanes.length);
  const open = place.value.test;

  useLayoutEffect(() => {
    const element = canvas.current!.parentElement!;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const changed = () => setTheme((times) => times + 1);
    const chosen = new MutationObserver(changed);
    dark.addEventListener('change', changed);
    chosen.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => (dark.removeEventListener('change', changed), chosen.disconnect());
  }, []);
  useLayoutEffect(() => {
    if (width > 0) paint(canvas.current!, { lanes, width, focus: focused ? at : null, open });
  }, [lanes, width, focused, at, open, theme]);

  const under = (event: MouseEvent): At | null => {
    const box = canvas.current!.getBoundingClientRect();
    const lane = Math.floor((event.clientY - box.top) / (height + gap));
    const time = lanes.from + ((event.clientX - box.left) / box.width) * (lanes.to - lanes.from);
    const block = blockAt(lanes.lanes[lane]?.blocks ?? [], time, ((lanes.to - lanes.from) / box.width) * 4);
    return block < 0 ? null : { lane, block };
  };
  const blockOf = (one: At | null) => (one === null ? undefined : lanes.lanes[one.lane]?.blocks[one.block]);
  const press = (event: KeyboardEvent) => {
    const blocks = lanes.lanes[at.lane]?.blocks ?? [];
    const to = (lane: number) => {
      const next = lanes.lanes[lane];
      const now = blockOf(at);
      if (next === undefined || now === undefined) return;
      setAt({ lane, block: Math.max(0, blockAt(next.blocks, (now.from + now.to) / 2, Infinity)) });
    };
    const act: Record<string, () => void> = {
      ArrowRight: () => setAt({ ...at, block: Math.min(blocks.length - 1, at.block + 1) }),
      ArrowLeft: () => setAt({ ...at, block: Math.max(0, at.block - 1) }),
      ArrowDown: () => to(at.lane + 1),
      ArrowUp: () => to(at.lane - 1),
      Home: () => setAt({ ...at, block: 0 }),
      End: () => setAt({ ...at, block: blocks.length - 1 }),
      Enter: () => go({ test: blockOf(at)?.test ?? null, attempt: null, step: null }),
    };
    const run = act[event.key];
    if (run === undefined) return;
    event.preventDefault();
    run();
  };
  const block = blockOf(at);
  const shown = blockOf(over) ?? (focused ? block : undefined);
  const marks = ticks(lanes.to - lanes.from, Math.max(2, Math.floor(width / 90)));
  const busy = `${plural(lanes.lanes.length, 'worker')}, ${Math.round(lanes.busy * 100)} % busy`;
  const unknown = lanes.unknown > 0 ? `, ${plural(lanes.unknown, 'test')} without a time` : '';
  return (
    <>
      <div class="lanes-head">
        <h3>
          Workers <span class="dim">{busy + unknown}</span>
        </h3>
        <p class="lanes-said" aria-hidden="true">
          {shown === undefined ? '' : says(shown, lanes, (over ?? at).lane)}
        </p>
      </div>
    <div class="lanes-chart">
      <div class="lanes-names" aria-hidden="true">
        {lanes.lanes.map(({ name }) => (
          <span key={name} style={{ height: `${height}px`, marginBottom: `${gap}px` }}>
            {height >= 12 ? <WorkerTag label={name} /> : null}
          </span>
        ))}
      </div>
      <div class="lanes-area">
        <div
          class="lanes-list"
          role="listbox"
          aria-label="When each test ran"
          aria-activedescendant="lanes-option"
          tabIndex={0}
          onKeyDown={press}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
        >
          <canvas
            ref={canvas}
            aria-hidden="true"
            style={{ width: '100%', height: `${lanes.lanes.length * (height + gap)}px` }}
            onMouseMove={(event) => setOver(under(event))}
            onMouseLeave={() => setOver(null)}
            onClick={(event) => {
              const found = under(event);
              if (found === null) return;
              setAt(found);
              go({ test: blockOf(found)!.test, attempt: null, step: null });
            }}
          />
          {block === undefined ? null : (
            <div
              id="lanes-option"
              class="hidden-text"
              role="option"
              aria-selected={block.test === open}
              aria-posinset={at.block + 1}
              aria-setsize={lanes.lanes[at.lane]?.blocks.length ?? 0}
            >
              {says(block, lanes, at.lane)}
            </div>
          )}
        </div>
        <div class="lanes-axis" aria-hidden="true">
          {marks.map((ms) => (
            <span key={ms} style={{ insetInlineStart: `${(ms / (lanes.to - lanes.from)) * 100}%` }}>
              {clockTime(ms)}
            </span>
          ))}
        </div>
      </div>
    </div>
    </>
  );
}
