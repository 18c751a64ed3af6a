/** The tests of the run: those that need somebody, failed, run, and the rest. */
import { useEffect, useRef } from 'preact/hooks';

import { Icon } from '../../ui/icons.js';
import { bind } from '../keys/index.js';
import { tests, testsComplete, testsVersion } from '../store.js';
import { width } from '../width.js';
import { Chips } from './chips.js';
import { filter, filtered, focusAsked } from './state.js';
import { Tree } from './tree.js';

/** Tests from which on phones show the filter. */
const MANY = 20;

export function Tests() {
  void testsVersion.value;
  const narrow = width.value === 'narrow';
  return (
    <nav class="tests" aria-label="Tests">
      {narrow && tests.size < MANY && filter.value === '' ? null : (
        <div class="tests-tools">
          <Filter />
          <Chips />
        </div>
      )}
      {filtered.value.length === 0 ? <Nothing /> : <Tree />}
    </nav>
  );
}

function Filter() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => bind({ key: '/', says: 'filter tests', group: 'Tests', run: () => field.current?.select() }), []);
  const press = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      event.preventDefault();
      if (filter.value === '') field.current?.blur();
      filter.value = '';
    } else if (event.key === 'ArrowDown' || event.key === 'Enter') {
      event.preventDefault();
      focusAsked.value += 1;
    }
  };
  return (
    <label class="tests-filter">
      <Icon name="search" size={14} />
      <input
        ref={field}
        type="text"
        role="searchbox"
        aria-label="Filter tests"
        placeholder="Filter tests"
        title="Words in titles, files, projects; @tag, status:failed, project:…, file:…, annotation:…; -word leaves others"
        spellcheck={false}
        autocomplete="off"
        maxLength={500}
        value={filter.value}
        onInput={({ currentTarget }) => (filter.value = currentTarget.value)}
        onKeyDown={press}
      />
      {filter.value === '' ? (
        <kbd aria-hidden="true">/</kbd>
      ) : (
        <button
          type="button"
          class="tests-clear"
          aria-label="Clear the filter"
          title="Clear (Esc)"
          onClick={() => (filter.value = '')}
        >
          <Icon name="close" size={12} />
        </button>
      )}
    </label>
  );
}

function Nothing() {
  if (filter.value !== '' && tests.size > 0) {
    return (
      <div class="tests-nothing">
        <p>None of {tests.size.toLocaleString('en')} tests.</p>
        <button type="button" class="button" onClick={() => (filter.value = '')}>
          Clear the filter
        </button>
      </div>
    );
  }
  if (!testsComplete.value) return <p class="tests-nothing dim">Reading the tests…</p>;
  return <p class="tests-nothing dim">No test has been announced. A run that has none shows its log and screens.</p>;
}
