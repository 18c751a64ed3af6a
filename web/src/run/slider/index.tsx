/** The time of the run: where events are dense, what happened when, and which moment is shown. */
import { useEffect } from 'preact/hooks';

import { Button } from '../../ui/button.js';
import { clockTime, count } from '../../ui/format.js';
import { Segments } from '../../ui/segments.js';
import { bind } from '../keys/index.js';
import { place } from '../place.js';
import { clock, head, timeline } from '../store.js';
import { Moments } from './moments.js';
import { SPEEDS, type Speed } from './replay.js';
import { byStep, hasEnded, knob, pause, play, replay, setSpeed, speed, toLive } from './state.js';
import { Track } from './track.js';

export function Slider() {
  useEffect(() => {
    const ends = [
      bind({ key: '[', group: 'Time', says: 'one step back', repeats: true, run: () => byStep(-1) }),
      bind({ key: ']', group: 'Time', says: 'one step on', repeats: true, run: () => byStep(1) }),
    ];
    return () => ends.forEach((end) => end());
  }, []);
  const pane = place.value.view === 'time';
  return (
    <footer class={pane ? 'slider slider-pane' : 'slider'} aria-label="Time of the run">
      <div class="slider-line">
        <Now />
        <Track />
        <Side />
      </div>
      {pane ? <Moments /> : null}
    </footer>
  );
}

/** How long after the start, and which event. */
function Now() {
  const run = head.value;
  const range = timeline.value;
  const { at, seq, live } = knob.value;
  let elapsed = range === null ? null : at - range.from;
  if (live && run !== null && run.elapsedMs !== null) {
    elapsed = run.elapsedMs + (run.ticking ? Math.max(0, clock.value - run.elapsedAt) : 0);
  }
  return (
    <p class="slider-now" aria-hidden="true">
      <strong>{elapsed === null ? '0:00' : clockTime(elapsed)}</strong> event {count(seq)}
    </p>
  );
}

/** Back to now; of a run that has ended, its replay. */
function Side() {
  const over = hasEnded.value;
  const past = !knob.value.live;
  if (!over) {
    return (
      <Button class={past ? 'slider-live slider-back' : 'slider-live'} label={past ? 'Back to live' : 'Live'} onClick={toLive}>
        <span class="slider-dot" aria-hidden="true" />
        Live
      </Button>
    );
  }
  const range = timeline.value;
  const none = range === null || range.to <= range.from;
  if (replay.value !== null) {
    return (
      <div class="slider-side">
        <Segments<`${Speed}`>
          label="Speed"
          value={`${speed.value ?? 1}`}
          of={SPEEDS.map((one) => ({ value: `${one}` as `${Speed}`, label: `${one}×`, says: `${one} times as fast` }))}
          onChange={(one) => setSpeed(Number(one) as Speed)}
        />
        <Button icon="paused" onClick={pause}>
          Pause
        </Button>
      </div>
    );
  }
  return (
    <Button icon="running" label={past ? 'Replay from here' : 'Replay from the start'} disabled={none} onClick={play}>
      Replay
    </Button>
  );
}

