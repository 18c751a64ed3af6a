/** The workers: which one is on screen. */
import { useEffect, useRef } from 'preact/hooks';

import { Bell } from '../notify/bell.js';
import { go, place } from '../place.js';
import { testOf } from '../store.js';
import type { Slot } from '../../model.js';
import { Button } from '../../ui/button.js';
import { plural } from '../../ui/format.js';
import { Text } from '../../ui/text.js';
import { WorkerTag } from '../../ui/worker-tag.js';
import { chosen, shown, workers } from './choice.js';
import { isFull, toggleFull } from './full.js';
import { MAX_TABS, tabsOf } from './tab-list.js';

export function WorkerTabs() {
  const list = useRef<HTMLDivElement>(null);
  const current = shown.value;
  const { tabs, more } = tabsOf(workers.value, current?.stream ?? null, MAX_TABS);
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [current?.stream]);
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0 || tabs.length === 0) return;
    event.preventDefault();
    const at = tabs.findIndex(({ stream }) => stream === current?.stream);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (next === undefined) return;
    chosen.value = next.stream;
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[tabs.indexOf(next)]?.focus();
  };
  return (
    <div class="screen-head">
      <div ref={list} class="worker-tabs" role="tablist" aria-label="Workers" onKeyDown={move}>
        {tabs.map((slot) => (
          <Tab key={slot.stream} slot={slot} selected={slot.stream === current?.stream} />
        ))}
        {more > 0 ? (
          <button type="button" class="worker-tabs-more" onClick={() => go({ view: 'wall' })}>
            {plural(more, 'more worker')}
          </button>
        ) : null}
      </div>
      <ScreenButtons />
    </div>
  );
}

function Tab({ slot, selected }: { slot: Slot; selected: boolean }) {
  const test = testOf(slot.test);
  return (
    <button
      type="button"
      role="tab"
      class="worker-tab"
      aria-selected={selected}
      aria-controls="screen"
      tabIndex={selected ? 0 : -1}
      onClick={() => (chosen.value = slot.stream)}
    >
      <WorkerTag label={slot.label} on={selected} />
      <Text of={test?.path.at(-1) ?? 'no test yet'} class="worker-tab-title" />
      {test?.project == null ? null : <Text of={test.project} class="worker-tab-project" />}
    </button>
  );
}

/** The wall, notifications, and full screen. */
export function ScreenButtons() {
  const wall = place.value.view === 'wall';
  return (
    <div class="screen-buttons">
      <Bell />
      <Button icon="wall" kind={wall ? 'plain' : 'quiet'} pressed={wall} title="All workers (w)" onClick={() => go({ view: wall ? 'run' : 'wall' })}>
        Wall
      </Button>
      <Button icon="full" kind="quiet" label={isFull.value ? 'Leave full screen' : 'Full screen'} onClick={toggleFull} />
    </div>
  );
}
