/** Who has control of the run, and how one gets it. */
import { effect, signal } from '@preact/signals';

import { clockTime } from '../../ui/format.js';
import { Button } from '../../ui/button.js';
import { oneLine } from '../../ui/text.js';
import { sayNow } from '../../ui/announce.js';
import { may } from '../../ui/rights.js';
import { myName, runId } from '../rights.js';
import { clock, head } from '../store.js';
import { call } from '../worker.js';
import { ConfirmButton } from './confirm.js';
import { give, isMine, refused, said } from './give.js';
import type { Offer } from './offers.js';

/** When one asked for control; it is taken as soon as it is free. */
const askedAt = signal<number | null>(null);
/** How long one waits for it, in milliseconds. */
const WAIT_MS = 300_000;
/** How often one's sign of life is sent at most, in milliseconds. */
const RENEW_MS = 20_000;

/** Takes control, or gives it back. */
export function toggleControl(): void {
  if (isMine()) void give('bar', { type: 'release_control' });
  else take(false);
}

function take(steal: boolean): void {
  askedAt.value = null;
  void give('bar', { type: 'take_control', ...(steal && { steal }) }, { named: true });
}

async function askForIt(): Promise<void> {
  if (myName() === '') return take(false); // asks for the name, and says who has control
  try {
    await call('askControl', { name: myName() });
    askedAt.value = Date.now();
    said.value = null;
  } catch (error) {
    refused('bar', error);
  }
}

// whoever asked takes control once it is free
effect(() => {
  const control = head.value?.control;
  const asked = askedAt.value;
  if (control === undefined || asked === null) return;
  if (isMine() || Date.now() - asked > WAIT_MS) askedAt.value = null;
  else if (control.holder === null) take(false);
});

// a person's doing is a sign of life
let renewed = 0;
const alive = () => {
  if (head.peek()?.control.holder == null || !isMine() || Date.now() - renewed < RENEW_MS) return;
  renewed = Date.now();
  call('command', { command: { type: 'renew_control' } }).catch(() => {});
};
for (const type of ['pointerdown', 'keydown'] as const) addEventListener(type, alive, { passive: true, capture: true });

export function Lease({ offer }: { offer: Offer }) {
  const control = head.value?.control;
  const holder = control?.holder ?? null;
  if (control === undefined || holder === null) {
    return (
      <Button
        icon="hand"
        disabled={!offer.on}
        title={offer.why ?? 'Others can only pause and cancel then (t)'}
        onClick={toggleControl}
      >
        Take control
      </Button>
    );
  }
  const since = control.since === null ? null : clockTime(clock.value - control.since);
  const name = oneLine(holder.name, 40);
  if (isMine()) {
    const wants = control.wantedBy ?? null;
    if (wants !== null) sayNow(`wants/${wants.at}`, `${oneLine(wants.name, 40)} asks for control`);
    return (
      <span class="lease lease-mine">
        <span class="lease-says">
          <bdi>{wants === null ? 'You have control' : `${oneLine(wants.name, 40)} asks for control`}</bdi>{' '}
          <span class="dim">{since}</span>
        </span>
        <Button icon="hand" disabled={!offer.on} title="Lets anybody steer again (t)" onClick={toggleControl}>
          {wants === null ? 'Give back' : 'Give it'}
        </Button>
      </span>
    );
  }
  return (
    <span class="lease">
      <span class="lease-says">
        <bdi>{name} has control</bdi> <span class="dim">{since}</span>
      </span>
      {may('publish', runId) ? (
        <Button
          icon="hand"
          disabled={!offer.on || askedAt.value !== null}
          title={`Tells ${name}, and takes control when it is given back`}
          onClick={() => void askForIt()}
        >
          {askedAt.value === null ? 'Ask' : 'Asked'}
        </Button>
      ) : null}
      <ConfirmButton
        disabled={!offer.on}
        sure={`Take it from ${oneLine(holder.name, 16)}?`}
        title={`${name} is told`}
        onConfirm={() => take(true)}
      >
        Take it away
      </ConfirmButton>
    </span>
  );
}
