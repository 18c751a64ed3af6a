/** Chips that filter by state, project and tag: of each kind that the run has several of. */
import { computed } from '@preact/signals';
import { useState } from 'preact/hooks';

import { oneLine } from '../../ui/text.js';
import { LOOKS, shownOf, type Shown } from '../../ui/status.js';
import { StatusIcon } from '../../ui/status-icon.js';
import { tests, testsVersion } from '../store.js';
import { has, toggled } from './filter.js';
import { filter } from './state.js';

/** Chips that are in sight before "more". */
const FEW = 8;
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

/** The chips, while the filter is in use or the run has several projects or tags. */
export function Chips() {
  const [all, setAll] = useState(false);
  const own = chips.value;
  const list = filter.value === '' ? own : [...states.value, ...own];
  if (list.length === 0) return null;
  const few = all ? list : list.slice(0, FEW);
  return (
    <div class="tests-chips" role="group" aria-label="Filter by">
      {few.map((chip) => (
        <ChipButton key={`${chip.name} ${chip.value}`} chip={chip} />
      ))}
      {few.length < list.length ? (
        <button type="button" class="tests-chip" onClick={() => setAll(true)}>
          {list.length - few.length} more
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
