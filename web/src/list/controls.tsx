/** The field, the states and the projects by which runs are chosen. */
import { useEffect, useRef, useState } from 'preact/hooks';

import { bind } from '../run/keys/index.js';
import { count } from '../ui/format.js';
import { Icon, type IconName } from '../ui/icons.js';
import { Segments } from '../ui/segments.js';
import type { Tone } from '../ui/status.js';
import { oneLine } from '../ui/text.js';
import { chipsOf, take, without } from './filter.js';
import type { Group } from './rows.js';
import { choose, filter, groups, projects } from './store.js';

const GROUPS: { group: Group; word: string; icon: IconName | null; tone: Tone }[] = [
  { group: 'all', word: 'All', icon: null, tone: 'dim' },
  { group: 'needsYou', word: 'Needs you', icon: 'ask', tone: 'ai' },
  { group: 'running', word: 'Running', icon: 'running', tone: 'run' },
  { group: 'failed', word: 'Failed', icon: 'failed', tone: 'fail' },
  { group: 'flaky', word: 'Flaky', icon: 'flaky', tone: 'flaky' },
  { group: 'passed', word: 'Passed', icon: 'passed', tone: 'pass' },
];

export function Controls() {
  const numbers = groups.value;
  return (
    <div class="list-controls">
      <Field />
      <Segments<Group>
        label="Runs that are shown"
        class="list-groups"
        value={filter.value.group}
        of={GROUPS.map(({ group, word, icon, tone }) => ({
          value: group,
          says: numbers === null ? word : `${word}, ${count(numbers[group])}`,
          label: (
            <>
              {icon === null ? null : (
                <span class="status-icon" data-tone={tone}>
                  <Icon name={icon} size={14} />
                </span>
              )}
              {word}
              {numbers === null ? null : <span class="list-number">{count(numbers[group])}</span>}
            </>
          ),
        }))}
        onChange={(group) => choose({ group })}
      />
      <Projects />
    </div>
  );
}

function Field() {
  const field = useRef<HTMLInputElement>(null);
  const [written, setWritten] = useState(filter.value.words);
  const own = useRef(filter.value.words);
  if (own.current !== filter.value.words) {
    own.current = filter.value.words; // it was changed elsewhere: by going back, or by the button that shows all
    setWritten(filter.value.words);
  }
  useEffect(() => bind({ key: '/', group: 'Page', says: 'filter runs', run: () => field.current?.focus() }), []);
  const write = (text: string, done: boolean) => {
    const { rest, values } = take(text, done);
    own.current = rest;
    setWritten(rest);
    choose({ words: rest, ...values });
  };
  const chips = chipsOf(filter.value);
  const onKeyDown = (event: KeyboardEvent) => {
    const { value, selectionStart, selectionEnd } = field.current!;
    const last = chips.at(-1);
    if (event.key === 'Enter') write(value, true);
    else if (event.key === 'Escape') {
      if (value === '') field.current?.blur();
      else write('', true);
    } else if (event.key === 'Backspace' && selectionStart === 0 && selectionEnd === 0 && last !== undefined) {
      choose(without(filter.value, last.name));
    } else return;
    event.preventDefault();
  };
  return (
    <div class="list-field" onClick={(event) => event.target === event.currentTarget && field.current?.focus()}>
      <Icon name="search" size={14} />
      {chips.map(({ name, text }) => (
        <span key={name} class="list-chip">
          <bdi>{oneLine(text, 60)}</bdi>
          <button type="button" aria-label={`Any: take ${oneLine(text, 60)} away`} onClick={() => choose(without(filter.value, name))}>
            <Icon name="close" size={12} />
          </button>
        </span>
      ))}
      <input
        ref={field}
        type="text"
        inputMode="search"
        aria-label="Filter runs"
        aria-describedby="list-hint"
        placeholder="name, branch, commit, author"
        spellcheck={false}
        autocomplete="off"
        maxLength={200}
        value={written}
        onInput={(event) => write(event.currentTarget.value, false)}
        onBlur={(event) => write(event.currentTarget.value, true)}
        onKeyDown={onKeyDown}
      />
      <span id="list-hint" class="hidden-text">
        Words, or branch:, label:, project:, author:, started: with a value, for instance started:30d
      </span>
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}

function Projects() {
  const { project } = filter.value;
  const all = projects.value.includes(project) || project === '' ? projects.value : [project, ...projects.value];
  if (all.length === 0) return null;
  return (
    <label class="list-projects">
      <span class="hidden-text">Project</span>
      <select value={project} onChange={(event) => choose({ project: event.currentTarget.value })}>
        <option value="">Any project</option>
        {all.map((name) => (
          <option key={name} value={name}>
            {oneLine(name, 80)}
          </option>
        ))}
      </select>
      <Icon name="down" size={14} />
    </label>
  );
}
