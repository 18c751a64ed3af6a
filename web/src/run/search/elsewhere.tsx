/** What was found in the run, beside the rows of the log that are loaded. */
import { Button } from '../../ui/button.js';
import { plural, timeOfDay } from '../../ui/format.js';
import { Icon, type IconName } from '../../ui/icons.js';
import { oneLine } from '../../ui/text.js';
import type { Hit } from '../../model.js';
import { go } from '../place.js';
import { choose } from '../log/state.js';
import { testOf } from '../store.js';
import { call } from '../worker.js';
import { cut } from './find.js';
import { elsewhere, found, searchRun, shownWords } from './state.js';

const ICONS: Record<string, { icon: IconName; says: string }> = {
  log: { icon: 'terminal', says: 'Log' },
  test_step: { icon: 'steps', says: 'Step' },
  test_status: { icon: 'list', says: 'Test' },
  test_plan: { icon: 'list', says: 'Test' },
  ai_stuck: { icon: 'ask', says: 'Question' },
};
// of the same length: marks stand by their places
// eslint-disable-next-line no-control-regex
const UNSHOWN = /[\s\u0000-\u001f\u202a-\u202e\u2066-\u2069]/g;
/** Characters of an excerpt before its first mark. */
const BEFORE = 40;

export function Elsewhere() {
  const { loading, error, more } = found.value;
  const hits = elsewhere.value;
  if (shownWords.value === '') return null;
  const words =
    loading && hits.length === 0
      ? 'Searching the run'
      : error !== null
        ? null
        : hits.length === 0 && !more
          ? 'Nothing else in the run'
          : null;
  return (
    <section class="search-elsewhere" aria-label="Elsewhere in the run" aria-busy={loading}>
      <h3 class="search-heading">
        {words ?? 'Elsewhere in the run'}
        {hits.length > 0 ? (
          <span class="dim">
            {' '}
            {plural(hits.length, 'place')}
            {more ? ' so far' : ''}
          </span>
        ) : null}
      </h3>
      {error === null ? null : <p class="search-error">The server did not search the run: {oneLine(error)}</p>}
      {hits.length === 0 ? null : (
        <ul class="search-hits">
          {hits.map((hit, index) => (
            <li key={`${hit.seq}.${hit.line}.${index}`}>
              <HitRow hit={hit} />
            </li>
          ))}
        </ul>
      )}
      {more ? (
        <Button class="search-more" disabled={loading} onClick={() => void searchRun(true)}>
          {loading ? 'Searching' : 'Search on'}
        </Button>
      ) : null}
    </section>
  );
}

function HitRow({ hit }: { hit: Hit }) {
  const test = testOf(hit.test);
  const look = ICONS[hit.type] ?? { icon: 'terminal' as const, says: hit.type };
  const from = Math.max(0, (hit.ranges[0]?.[0] ?? 0) - BEFORE);
  const text = (from > 0 ? '…' : '') + hit.excerpt.slice(from, from + 400);
  const moved = from > 0 ? 1 - from : 0;
  const ranges = hit.ranges.map(([start, end]): [number, number] => [start + moved, end + moved]);
  return (
    <button type="button" class="search-hit" onClick={() => void openHit(hit)}>
      <Icon name={look.icon} size={14} label={look.says} />
      {hit.at === null ? null : <span class="search-at mono">{timeOfDay(hit.at, true)}</span>}
      <span class="search-text mono cut">
        {cut([{ text: text.replace(UNSHOWN, ' ') }], ranges).map((piece, index) =>
          piece.mark === undefined ? (
            piece.text
          ) : (
            <mark class="log-hit" key={index}>
              {piece.text}
            </mark>
          ),
        )}
      </span>
      {test === null || hit.excerpt.includes(test.path.at(-1) ?? '') ? null : (
        <bdi class="search-test dim cut">{oneLine(test.path.join(' › '))}</bdi>
      )}
    </button>
  );
}

interface Raw {
  testId?: unknown;
  step?: { id?: unknown; stepNumber?: unknown; attempt?: unknown };
  attempt?: unknown;
  data?: { attempt?: unknown };
}

/** Goes to where something was found: a line of the log, a step, or a test. */
async function openHit(hit: Hit): Promise<void> {
  if (hit.type === 'log' || hit.test === null) {
    choose('run');
    go({ line: { seq: hit.seq, line: hit.line } });
    return;
  }
  const raw = (await call('event', { seq: hit.seq }).catch(() => ({}))) as Raw;
  const attempt = [raw.step?.attempt, raw.data?.attempt, raw.attempt].find((one) => typeof one === 'number');
  const step = raw.step?.id ?? raw.step?.stepNumber;
  go({
    test: hit.test,
    attempt: typeof attempt === 'number' ? attempt : null,
    step: hit.type === 'test_step' && step !== undefined ? String(step) : null,
  });
}
