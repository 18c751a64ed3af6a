/** The log: what tests and workers wrote, and what happened between. */
import { useEffect } from 'preact/hooks';

import { count } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { bind } from '../keys/index.js';
import { go, place } from '../place.js';
import { field } from '../search/bar.js';
import { Elsewhere } from '../search/elsewhere.js';
import { open, openSearch } from '../search/state.js';
import { head, log, moment } from '../store.js';
import { freshWords } from './follow.js';
import { LogGrid } from './grid.js';
import { LogHead } from './head.js';
import { copyLink } from './keys.js';
import { active, ask, following, fresh, missing, scope, toEnd, toggleFollow } from './state.js';

export function LogPane() {
  const of = scope.value;
  const name = of.of === 'run' ? 'run' : of.of === 'test' ? `test ${of.key}` : `slot ${of.producer}/${of.slot}`;
  useEffect(() => {
    const { line } = place.peek();
    const past = moment.peek();
    ask(line?.seq ?? (past.live ? undefined : past.seq));
  }, [name]);
  useEffect(bindKeys, []);
  return (
    <section class="log" aria-label="Log">
      <LogHead />
      <Missing />
      <div class="log-body">
        <LogGrid />
        <Fresh />
      </div>
      <Elsewhere />
    </section>
  );
}

/** New rows are counted where one reads older ones. */
function Fresh() {
  if (following.value || !moment.value.live) return null;
  const words = freshWords(fresh.value, log.value.later, head.value?.over ?? false);
  if (words === null) return null;
  return (
    <button type="button" class="log-fresh" onClick={goLive}>
      {words}
      <Icon name="down" size={14} />
    </button>
  );
}

function Missing() {
  const what = missing.value;
  if (what === null) return null;
  const first = head.value?.firstAvailable ?? 1;
  return (
    <p class="log-missing" role="status">
      {what.why === 'expired'
        ? `The line of this link was in event ${count(what.seq)}. Events 1 to ${count(first - 1)} have expired: they were kept for as long as this server keeps events.`
        : `This link leads to event ${count(what.seq)}, which has no line in the log.`}
      <button
        type="button"
        class="log-missing-close"
        onClick={() => {
          missing.value = null;
          go({ line: null });
        }}
      >
        Close
      </button>
    </p>
  );
}

/** To the newest line, and on with it: of the run as it is now. */
export function goLive(): void {
  go({ at: null, line: null });
  toEnd();
}

/** Shows the search field. False: it has the focus already, and the key is the browser's. */
export function find(): boolean {
  if (open.peek() && document.activeElement === field.current) return false;
  openSearch();
  field.current?.focus();
  field.current?.select();
  return true;
}

function bindKeys(): () => void {
  const ends = [
    bind({ key: 'l', group: 'Log', says: 'to the newest line, and follow', run: goLive }),
    bind({ key: 'Space', group: 'Log', says: 'follow, or no longer', when: () => head.peek()?.over !== true, run: toggleFollow }),
    bind({
      key: 'Ctrl+F',
      group: 'Log',
      says: 'search the log; again: the browser’s search',
      when: () => !(open.peek() && document.activeElement === field.current),
      run: () => void find(),
    }),
    bind({ key: 'c', group: 'Log', says: 'copy the link to the line', when: () => active.peek() !== null && inLog(), run: () => void copyLink() }),
  ];
  return () => ends.forEach((end) => end());
}

function inLog(): boolean {
  return document.activeElement?.closest('.log') != null;
}

