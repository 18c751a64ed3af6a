/** Chips that filter by state, project and tag: of each kind that the run has several of. */
import { computed } from '@preact/signals';
import { useState } from 'preact/hooks';

import { Icon } from '../../ui/icons.js';
import { oneLine } from '../../ui/text.js';
import { LOOKS, shownOf, type Shown } from '../../ui/status.js';
import { StatusIcon } from '../../ui/status-icon.js';
import { tests, testsVersion } from '../store.js';
import { has, toggled } from './filter.js';
import { filter } from './state.js';

/** How wide one line of chips may be, about, in pixels. */
const ROOM = 290;
/** Chips of tags at all. */
const MOST = 40;
const STATES: Shown[] = ['ask', 'failed', 'running', 'flaky', 'skipped', 'queued'];

interface Chip {
  name: 'status' | 'project' | 'tag';
  value: string;
  shown?: Shown;
}

const chips = computed<Chip[]>(() => {
  void testsVersion.value;
  const projects = new Map<string, number>();
  const tags = new Map<string, number>();
  for (const test of tests.values()) {
    const project = test.project ?? test.variant;
    if (project !== null) projects.set(project, (projects.get(project) ?? 0) + 1);
    for (const tag of test.tags) tags.set(tag, (tags.get(tag) ?? 0) + 1);
  }
  const found: Chip[] = [];
  if (projects.size > 1) for (const value of [...projects.keys()].sort()) found.push({ name: 'project', value });
  const often = [...tags].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, MOST);
  if (tags.size > 1 || (tags.size === 1 && often[0]![1] < tests.size))
    for (const [value] of often) found.push({ name: 'tag', value });
  return found;
});

const states = computed<Chip[]>(() => {
  void testsVersion.value;
  const there = new Set<Shown>();
  for (const test of tests.values()) there.add(shownOf(test));
  return STATES.filter((shown) => there.has(shown)).map((shown) => ({
    name: 'status',
    value: LOOKS[shown].word,
    shown,
  }));
});

/** The chips, if the run has several projects or tags: one line of them, until one wants all. */
export function Chips() {
  const [all, setAll] = useState(false);
  const own = chips.value;
  const list = filter.value === '' ? own : [...states.value, ...own];
  if (list.length === 0) return null;
  const many = list.reduce((sum, { value }) => sum + 24 + 7 * Math.min(value.length, 40), 0) > ROOM;
  // whoever walks by keys must see where they are
  const walk = ({ target }: FocusEvent) =>
    many && target instanceof Element && target.matches(':focus-visible') && setAll(true);
  return (
    <div class="tests-chips" role="group" aria-label="Filter by" data-all={all}>
      <div class="tests-chips-list" onFocusCapture={walk}>
        {list.map((chip) => (
          <ChipButton key={`${chip.name} ${chip.value}`} chip={chip} />
        ))}
      </div>
      {many ? (
        <button
          type="button"
          class="tests-chip tests-chips-more"
          aria-expanded={all}
          aria-label="All filters"
          onClick={() => setAll(!all)}
        >
          <Icon name={all ? 'up' : 'down'} size={12} />
        </button>
      ) : null}
    </div>
  );
}

function ChipButton({ chip: { name, value, shown } }: { chip: Chip }) {
  const text = oneLine(value, 40);
  return (
    <button
      type="button"
      class="tests-chip"
      aria-pressed={has(filter.value, name, value)}
      title={`Only ${name} ${text}`}
      onClick={() => (filter.value = toggled(filter.value, name, value))}
    >
      {shown === undefined ? null : <StatusIcon of={shown} size={12} silent />}
      <bdi class="cut">{name === 'tag' && !text.startsWith('@') ? `@${text}` : text}</bdi>
    </button>
  );
}
