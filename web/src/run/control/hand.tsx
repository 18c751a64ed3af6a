/** Acts in the browser of a worker by hand, while it is paused: click in the picture, keys, text, a URL. */
import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';

import { Button } from '../../ui/button.js';
import { shown } from '../screen/choice.js';
import { give, said, sending, type From } from './give.js';
import { severalProducers } from './target.js';

/** A click in the picture is one in the browser. */
export const byHand = signal(false);

/** Has an action done by the worker on screen, or by `producer`. */
export function act(action: Record<string, unknown>, producer: string | null = null, from: From = 'hand'): void {
  const whom = producer ?? (severalProducers() ? (shown.peek()?.producer ?? null) : null);
  void give(from, { type: 'manual_action', action }, { target: whom === null ? null : { producer: whom } });
}

/** Clicks at a pixel of the page. */
export function clickThere(point: { x: number; y: number }): void {
  act({ action: 'click', point });
}

type Kind = 'type' | 'press' | 'navigate';

const FIELDS: Record<Kind, { label: string; hint: string; button: string }> = {
  type: { label: 'Text to type', hint: 'text, where the cursor is', button: 'Type' },
  press: { label: 'Key to press', hint: 'Enter, Tab, Control+A', button: 'Press' },
  navigate: { label: 'URL to open', hint: 'https:// or a path', button: 'Open' },
};

/** The row of actions. */
export function HandRow({ producer = null }: { producer?: string | null }) {
  return (
    <div class="hand" role="group" aria-label="By hand">
      <p class="hand-says">Click in the picture to click there. What you do is in the log, with your name.</p>
      <div class="hand-fields">
        {(Object.keys(FIELDS) as Kind[]).map((kind) => (
          <HandField key={kind} kind={kind} producer={producer} />
        ))}
        <Button icon="left" title="One page back" onClick={() => act({ action: 'back' }, producer)}>
          Back
        </Button>
      </div>
      {said.value?.from === 'hand' ? <p class="control-said">{said.value.text}</p> : null}
    </div>
  );
}

function HandField({ kind, producer }: { kind: Kind; producer: string | null }) {
  const [text, setText] = useState('');
  const { label, hint, button } = FIELDS[kind];
  const submit = (event: Event) => {
    event.preventDefault();
    if (text === '') return;
    act({ action: kind, value: text }, producer);
    setText('');
  };
  return (
    <form class="hand-field" onSubmit={submit}>
      <input class="field" aria-label={label} placeholder={hint} value={text} autocomplete="off" onInput={(event) => setText(event.currentTarget.value)} />
      <button class="button" disabled={text === '' || sending.value.has('hand/manual_action')}>
        {button}
      </button>
    </form>
  );
}
