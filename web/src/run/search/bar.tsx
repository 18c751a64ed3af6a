/** The field in the log's head in which one searches. */
import { useEffect, useRef } from 'preact/hooks';

import { Button } from '../../ui/button.js';
import { Icon } from '../../ui/icons.js';
import { countWords } from './find.js';
import { closeSearch, current, matches, setWords, shownWords, step, words } from './state.js';

/** Set to the field while it is in sight. */
export const field: { current: HTMLInputElement | null } = { current: null };

export function SearchBar() {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current = input.current;
    input.current?.focus();
    input.current?.select();
    return () => {
      field.current = null;
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' || event.key === 'ArrowDown' || event.key === 'ArrowUp') step(event.shiftKey || event.key === 'ArrowUp' ? -1 : 1);
    else if (event.key === 'Escape') closeSearch();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const none = matches.value.length === 0;
  return (
    <div class="search-bar" role="search" aria-label="Search the log">
      <label class="search-field">
        <Icon name="search" size={14} />
        <input
          ref={input}
          type="text"
          inputMode="search"
          aria-label="Words in the log"
          placeholder="Search the log and the run"
          spellcheck={false}
          autocomplete="off"
          maxLength={200}
          value={words.value}
          onInput={(event) => setWords(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        <span class="search-count" role="status">
          {shownWords.value === '' ? '' : countWords(current.value, matches.value.length)}
        </span>
      </label>
      <Button icon="up" kind="quiet" label="Previous match" disabled={none} onClick={() => step(-1)} />
      <Button icon="down" kind="quiet" label="Next match" disabled={none} onClick={() => step(1)} />
      <Button icon="close" kind="quiet" label="End the search" onClick={closeSearch} />
    </div>
  );
}
