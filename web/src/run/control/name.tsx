/** One's name, asked for once before the first command. */
import { useEffect, useRef, useState } from 'preact/hooks';

import { Button } from '../../ui/button.js';
import { MAX_NAME, nameWanted, setName, type From } from './give.js';

/** The field, where a command of `from` waits for it. */
export function NameField({ from }: { from: From }) {
  return nameWanted.value?.from === from ? <Field /> : null;
}

function Field() {
  const [name, setHere] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []); // whoever pressed the button is asked
  const submit = (event: Event) => {
    event.preventDefault();
    if (name.trim() !== '') setName(name.trim());
  };
  return (
    <form class="name" onSubmit={submit}>
      <label class="name-label">
        Your name, so that others see who did it
        <input
          ref={field}
          class="field"
          maxLength={MAX_NAME}
          value={name}
          autocomplete="nickname"
          onInput={(event) => setHere(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Escape' && (nameWanted.value = null)}
        />
      </label>
      <button class="button" disabled={name.trim() === ''}>
        Go on
      </button>
      <Button kind="quiet" onClick={() => setName('')}>
        Without a name
      </Button>
    </form>
  );
}
