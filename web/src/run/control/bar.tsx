/** What acts on the run: pause, next action, hold on failure, control, and a drawer with what is done less often. */
import { useEffect } from 'preact/hooks';

import { shown } from '../screen/choice.js';
import { mayControl, mayView } from '../rights.js';
import { head } from '../store.js';
import { Button } from '../../ui/button.js';
import { Segments } from '../../ui/segments.js';
import { Switch } from '../../ui/switch.js';
import { isOpen } from './command-words.js';
import { CommandList } from './command-list.js';
import { Drawer, drawer } from './drawer.js';
import { give, said, sending } from './give.js';
import { useSteeringKeys } from './keys.js';
import { Lease } from './lease.js';
import { NameField } from './name.js';
import { WATCH_ONLY } from './offers.js';
import { offers as offersNow, PauseButton } from './pause.js';
import { width } from '../width.js';
import { aim, severalProducers, targetOfAct, targetOfWish } from './target.js';

/** Has the next action done. */
export function nextAction(): void {
  if (offersNow().step.on) void give('bar', { type: 'step' }, { target: targetOfAct() });
}

export function ControlBar() {
  useSteeringKeys();
  // on a phone there is room for it
  useEffect(() => {
    if (width.peek() === 'narrow') drawer.value ??= 'commands';
  }, []);
  return mayControl.value ? <Steering /> : <Watching />;
}

/** For whoever may not steer: why, if they may watch, and what others did. */
function Watching() {
  const isOpen = drawer.value !== null;
  return (
    <div class="control">
      <div class="control-bar">
        {mayView.value ? <span class="dim control-why">{WATCH_ONLY}</span> : null}
        <span class="sentence-room" />
        <Button kind="quiet" expanded={isOpen} onClick={() => (drawer.value = isOpen ? null : 'commands')}>
          Commands
        </Button>
      </div>
      {isOpen ? (
        <section class="drawer" aria-label="Commands">
          <CommandList can={false} />
        </section>
      ) : null}
    </div>
  );
}

function Steering() {
  const offers = offersNow();
  const open = (head.value?.commands ?? []).filter(({ state }) => isOpen(state)).length;
  const stepping =
    sending.value.has('bar/step') ||
    (head.value?.commands ?? []).some(({ type, state }) => type === 'step' && isOpen(state));
  return (
    <div class="control">
      <div class="control-bar" role="toolbar" aria-label="Steering">
        {severalProducers() ? <Aim /> : null}
        <PauseButton />
        <Button
          icon="next"
          disabled={!offers.step.on || stepping}
          title={offers.step.why ?? 'Does one action and pauses again (n)'}
          onClick={nextAction}
        >
          {stepping ? 'Acting…' : 'Next action'}
        </Button>
        <Switch
          on={head.value?.holdsOnFailure ?? false}
          disabled={!offers.hold.on || sending.value.has('bar/hold')}
          title={offers.hold.why ?? 'A test that fails stays open, so that one can look'}
          onChange={(on) =>
            void give('bar', { type: 'hold', when: on ? 'failure' : 'never' }, { target: targetOfWish() })
          }
        >
          Hold on failure
        </Switch>
        <Button
          icon="more"
          kind="quiet"
          expanded={drawer.value !== null}
          label={open === 0 ? 'More: commands, instructions, by hand, cancel' : `More; ${open} open commands`}
          onClick={() => (drawer.value = drawer.value === null ? 'commands' : null)}
        />
        <span class="sentence-room" />
        {offers.nothing === null ? (
          <Lease offer={offers.control} />
        ) : (
          <span class="dim control-why">{offers.nothing}</span>
        )}
      </div>
      <NameField from="bar" />
      <Said />
      <Drawer offers={offers} />
    </div>
  );
}

function Said() {
  if (said.value?.from !== 'bar' && said.value?.from !== 'wall') return null;
  return (
    <p class="control-said">
      {said.value.text}
      <Button kind="quiet" icon="close" label="Close" onClick={() => (said.value = null)} />
    </p>
  );
}

function Aim() {
  const label = shown.value?.label ?? '';
  const parts = [
    { value: 'run', label: 'Run', title: 'All workers of the run' },
    { value: 'worker', label: `Worker ${label}`, title: 'The worker on screen alone' },
  ] as const;
  return (
    <Segments label="Whom the buttons are for" of={parts} value={aim.value} onChange={(next) => (aim.value = next)} />
  );
}
