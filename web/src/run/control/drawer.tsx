/** What is done less often: instructions, run to a line, by hand, the commands so far, and the end of the run. */
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';

import { shown } from '../screen/choice.js';
import { testOf } from '../store.js';
import { Button } from '../../ui/button.js';
import { Segments } from '../../ui/segments.js';
import { oneLine } from '../../ui/text.js';
import { CommandList } from './command-list.js';
import { ConfirmButton } from './confirm.js';
import { give, said } from './give.js';
import { byHand, HandRow } from './hand.js';
import { NameField } from './name.js';
import type { Offer, Offers } from './offers.js';
import { targetOfAct, targetOfWish } from './target.js';

/** What of it is open; null: nothing. */
export const drawer = signal<'instructions' | 'commands' | 'act' | 'end' | null>(null);

const PARTS = [
  { value: 'commands', label: 'Commands' },
  { value: 'instructions', label: 'Instructions' },
  { value: 'act', label: 'By hand' },
  { value: 'end', label: 'Cancel' },
] as const;

/** Opens a part, or closes it if it is open. */
export function openDrawer(part: (typeof PARTS)[number]['value']): void {
  drawer.value = drawer.peek() === part ? null : part;
}

export function Drawer({ offers }: { offers: Offers }) {
  const part = drawer.value;
  useEffect(() => {
    if (part !== 'act' || !offers.hand.on) byHand.value = false;
    return () => (byHand.value = false);
  }, [part, offers.hand.on]);
  if (part === null) return null;
  return (
    <section class="drawer" aria-label="More steering" onKeyDown={(event) => event.key === 'Escape' && (drawer.value = null)}>
      <header class="drawer-head">
        <Segments label="Part" of={PARTS} value={part} onChange={(next) => (drawer.value = next)} />
        <Button kind="quiet" icon="close" label="Close" onClick={() => (drawer.value = null)} />
      </header>
      {part === 'instructions' ? <Instructions offer={offers.instructions} /> : null}
      {part === 'commands' ? <CommandList can={offers.nothing === null} /> : null}
      {part === 'act' ? <Act offers={offers} /> : null}
      {part === 'end' ? <End offers={offers} /> : null}
      <NameField from="drawer" />
      {said.value?.from === 'drawer' ? <p class="control-said">{said.value.text}</p> : null}
    </section>
  );
}

const MODES = [
  { value: 'append', label: 'Add' },
  { value: 'replace', label: 'Replace' },
] as const;

function Instructions({ offer }: { offer: Offer }) {
  const [text, setText] = useState('');
  const [mode, setMode] = useState<'append' | 'replace'>('append');
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const send = async () => {
    if (text.trim() === '') return;
    if (await give('drawer', { type: 'update_instructions', instructions: text.trim(), mode }, { target: targetOfWish() })) setText('');
  };
  return (
    <form
      class="instructions"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <textarea
        ref={field}
        class="field"
        rows={2}
        maxLength={12_000}
        aria-label="Instructions"
        placeholder={offer.why ?? 'To the agent that runs the tests: use the staging account'}
        disabled={!offer.on}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Enter' && (event.ctrlKey || event.metaKey) && void send()}
      />
      <div class="drawer-row">
        <Segments label="What becomes of earlier instructions" of={MODES} value={mode} onChange={setMode} />
        <span class="dim">{mode === 'append' ? 'to what it was told before' : 'what it was told before'}</span>
        <span class="sentence-room" />
        <button class="button" disabled={!offer.on || text.trim() === ''} title={offer.why ?? 'Control+Enter'}>
          Send
        </button>
      </div>
    </form>
  );
}

function Act({ offers }: { offers: Offers }) {
  const test = testOf(shown.value?.test ?? null);
  const [line, setLine] = useState(test?.file == null ? '' : `${test.file}:`);
  const valid = /^.+:[1-9]\d*$/.test(line);
  const run = (event: Event) => {
    event.preventDefault();
    if (valid) void give('drawer', { type: 'run_to', location: line }, { target: targetOfAct() });
  };
  useEffect(() => {
    byHand.value = offers.hand.on;
  }, [offers.hand.on]);
  return (
    <>
      <form class="drawer-row" onSubmit={run}>
        <input
          class="field run-to"
          aria-label="Line to run to"
          placeholder="cart.spec.ts:12"
          value={line}
          disabled={!offers.runTo.on}
          onInput={(event) => setLine(event.currentTarget.value)}
        />
        <button class="button" disabled={!offers.runTo.on || !valid}>
          Run to line
        </button>
        {offers.runTo.why === null ? null : <span class="dim">{offers.runTo.why}</span>}
      </form>
      {offers.hand.on ? <HandRow /> : <p class="dim">{offers.hand.why}</p>}
    </>
  );
}

function End({ offers }: { offers: Offers }) {
  const test = testOf(shown.value?.test ?? null);
  const running = test?.status === 'running' ? test : null;
  const none = running === null ? 'The worker on screen runs no test.' : offers.cancelTest.why;
  const target = targetOfAct();
  return (
    <div class="drawer-row">
      <ConfirmButton
        icon="stop"
        tone="fail"
        disabled={running === null || !offers.cancelTest.on}
        sure="End this test?"
        {...(none === null ? {} : { title: none })}
        onConfirm={() => void give('drawer', { type: 'cancel', testId: running?.testId }, { target })}
      >
        Cancel the test
      </ConfirmButton>
      <ConfirmButton
        icon="stop"
        tone="fail"
        disabled={!offers.cancel.on}
        sure="End the whole run?"
        {...(offers.cancel.why === null ? {} : { title: offers.cancel.why })}
        onConfirm={() => void give('drawer', { type: 'cancel' })}
      >
        Cancel the run
      </ConfirmButton>
      <span class="dim cut">{running === null ? none : oneLine(running.path.at(-1) ?? running.testId)}</span>
    </div>
  );
}
