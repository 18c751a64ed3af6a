/** What a worker does, in one line. */
import { WorkerDots } from './dots.js';
import { head } from '../store.js';
import { useTick } from '../use-tick.js';
import { width } from '../width.js';
import type { Slot, TestRow } from '../../model.js';
import { clockTime, duration } from '../../ui/format.js';
import { StatusIcon } from '../../ui/status-icon.js';
import { Text } from '../../ui/text.js';
import { sentenceOf } from './words.js';

/** On a phone it names the test, and has a dot for each worker. */
export function SentenceLine({ slot, test }: { slot: Slot | null; test: TestRow | null }) {
  const narrow = width.value === 'narrow';
  const sentence = sentenceOf(test, slot, head.value?.paused ?? null);
  return (
    <p class="sentence" data-tone={sentence.state === 'paused' || sentence.state === 'held' ? 'pause' : 'run'}>
      <StatusIcon of={sentence.state} />
      <Text of={sentence.action} class="sentence-action" />
      {narrow && test !== null ? <Text of={test.path.at(-1) ?? test.testId} class="sentence-locator dim" /> : null}
      {sentence.locator === null || narrow ? null : <Text of={sentence.locator} class="sentence-locator mono dim" />}
      <Elapsed since={sentence.since} tookMs={sentence.tookMs} paused={sentence.state === 'paused'} />
      <span class="sentence-room" />
      {narrow ? <WorkerDots /> : null}
      {sentence.path === null || narrow ? null : <Text of={sentence.path} class="sentence-path mono dim" />}
    </p>
  );
}

/** How long it takes so far: it ticks by itself, so that nothing around it is drawn again. */
export function Elapsed({ since, tookMs, paused = false }: { since: number | null; tookMs: number | null; paused?: boolean }) {
  const now = useTick(since !== null, paused ? 1_000 : 100);
  if (since === null) return tookMs === null ? null : <span class="elapsed dim">{duration(tookMs)}</span>;
  const ms = Math.max(0, now - since);
  return <span class="elapsed elapsed-ticking">{paused ? clockTime(ms) : duration(ms)}</span>;
}
