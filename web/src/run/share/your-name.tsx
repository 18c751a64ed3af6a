/** One's name, by which others see who paused or answered: here it is seen, changed, and taken away. */
import { useState } from 'preact/hooks';

import { who } from '../../ui/who.js';
import { MAX_NAME, rename } from '../control/give.js';

export function YourName() {
  const [name, setName] = useState(who.name.value);
  const isKept = name.trim() === who.name.value;
  return (
    <form
      class="share-rerun"
      onSubmit={(event) => {
        event.preventDefault();
        rename(name.trim());
      }}
    >
      <h2 class="share-title">Your name</h2>
      <div class="share-link">
        <input
          type="text"
          aria-label="Your name"
          maxLength={MAX_NAME}
          autocomplete="nickname"
          placeholder="None"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <button class="button" disabled={isKept}>
          Change
        </button>
      </div>
      <p class="share-hint">Others see it with what you pause, answer and change.</p>
    </form>
  );
}
