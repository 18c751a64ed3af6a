/** On a phone, below the track: what happened, one row each. */
import { clockTime, timeOfDay } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { timeline } from '../store.js';
import { MARKS, markWords, openMark } from './marks.js';

/** Rows that are drawn; there are at most 500 marks. */
const MOST = 100;

export function Moments() {
  const range = timeline.value;
  const marks = range?.marks.filter(({ kind }) => kind !== 'ended') ?? [];
  if (range === null || marks.length === 0) return <p class="slider-nothing">Nothing failed, asked or was paused so far.</p>;
  const sorted = [...marks].sort((one, other) => other.seq - one.seq);
  return (
    <ul class="slider-moments">
      {sorted.slice(0, MOST).map((mark) => (
        <li key={`${mark.kind}.${mark.seq}`}>
          <button type="button" onClick={() => openMark(mark)}>
            <span class="status-icon" data-tone={MARKS[mark.kind].tone}>
              <Icon name={MARKS[mark.kind].icon} size={14} />
            </span>
            <bdi class="cut">{markWords(mark)}</bdi>
            <span class="dim">
              {clockTime(mark.at - range.from)}, {timeOfDay(mark.at, true)}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
