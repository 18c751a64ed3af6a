/** One worker on the wall. */
import { head, testOf } from '../store.js';
import type { Slot } from '../../model.js';
import { StatusIcon } from '../../ui/status-icon.js';
import { oneLine, Text } from '../../ui/text.js';
import { WorkerTag } from '../../ui/worker-tag.js';
import { Picture } from './picture.js';
import { Elapsed } from './sentence.js';
import { altOf, sentenceOf } from './words.js';

export interface TileProps {
  slot: Slot;
  left: number;
  top: number;
  width: number;
  height: number;
  /** It is the one that Tab reaches. */
  current: boolean;
  onOpen: () => void;
  onFocus: () => void;
}

export function Tile({ slot, left, top, width, height, current, onOpen, onFocus }: TileProps) {
  const test = testOf(slot.test);
  const pause = head.value?.paused ?? null;
  const sentence = sentenceOf(test, slot, pause);
  const paused = sentence.state === 'paused';
  const title = oneLine(test?.path.at(-1) ?? 'no test yet');
  const action = paused && pause !== null ? `Paused by ${oneLine(pause.by.name)}` : sentence.action;
  return (
    <button
      type="button"
      class="tile"
      style={{ left: `${left}px`, top: `${top}px`, width: `${width}px` }}
      tabIndex={current ? 0 : -1}
      data-stream={slot.stream}
      aria-label={`Worker ${slot.label}: ${altOf(sentence, title)}`}
      onClick={onOpen}
      onFocus={onFocus}
    >
      <span class="tile-picture" style={{ height: `${height}px` }}>
        <Picture slot={slot} test={test} alt="" paused={paused} />
      </span>
      <span class="tile-caption" data-tone={paused ? 'pause' : 'run'}>
        <WorkerTag label={slot.label} />
        <Text of={title} class="tile-title" />
        {test?.project == null ? null : <Text of={test.project} class="tile-project" />}
        <span class="sentence-room" />
        <StatusIcon of={sentence.state} silent />
        <Text of={action} class="tile-action" />
        <Elapsed since={sentence.since} tookMs={sentence.tookMs} paused={paused} />
      </span>
    </button>
  );
}
