/** Pause and resume: of the run, or of the worker that is meant. */
import { mayControl } from '../rights.js';
import { head, moment, connection } from '../store.js';
import { Button } from '../../ui/button.js';
import { give, sending } from './give.js';
import { offersOf, pausingOf, type Offers, type Pausing } from './offers.js';
import { aimed, targetOfWish } from './target.js';

/** What is offered now. Components that call it are drawn again when it changes. */
export function offers(producer: string | null = aimed()): Offers {
  return offersOf({
    head: head.value,
    live: moment.value.live,
    may: mayControl.value,
    connection: connection.value?.status ?? null,
    producer,
  });
}

/** How it stands, with what is on its way to the server. */
export function pausing(producer: string | null = aimed()): Pausing {
  const stand = pausingOf(head.value, producer);
  const mine = sending.value;
  if (mine.has('bar/pause') || mine.has('wall/pause')) return 'pausing';
  return mine.has('bar/resume') || mine.has('wall/resume') ? 'resuming' : stand;
}

/** Pauses, or lets go on, whichever fits. */
export function togglePause(all = false): void {
  const producer = all ? null : aimed();
  const { pause, resume } = offers(producer);
  const stand = pausing(producer);
  const options = { target: all ? null : targetOfWish() };
  const from = all ? 'wall' : 'bar';
  if (stand === 'running' && pause.on) void give(from, { type: 'pause' }, options);
  else if (stand !== 'running' && resume.on) void give(from, { type: 'resume' }, options);
}

const WORDS: Record<Pausing, string> = {
  running: 'Pause',
  pausing: 'Pausing…',
  paused: 'Resume',
  resuming: 'Resuming…',
};

export function PauseButton({ all = false }: { all?: boolean }) {
  const producer = all ? null : aimed();
  const stand = pausing(producer);
  const offer = stand === 'running' ? offers(producer).pause : offers(producer).resume;
  const whom = producer === null ? 'the run' : 'this worker';
  const does = stand === 'running' ? `Pauses ${whom} before its next action (p)` : `Lets ${whom} go on (p)`;
  return (
    <Button
      icon={stand === 'running' || stand === 'pausing' ? 'paused' : 'running'}
      {...(stand === 'paused' ? { tone: 'run' as const } : stand === 'pausing' ? { tone: 'pause' as const } : {})}
      class="control-pause"
      disabled={!offer.on || stand === 'resuming'}
      title={offer.why ?? (stand === 'pausing' ? 'It pauses as soon as its action has ended. Press to go on.' : does)}
      onClick={() => togglePause(all)}
    >
      {all && stand === 'running' ? 'Pause all' : all && stand === 'paused' ? 'Resume all' : WORDS[stand]}
    </Button>
  );
}
