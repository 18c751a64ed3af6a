/** How moments of the past are found. */
import type { RunFold } from './fold.js';
import { eventsOf } from './history.js';
import type { MomentRun } from './moments.js';
import { PAGE, Pages } from './pages.js';
import { type RunEvent, timeOf } from './read.js';
import type { Follow } from './follow.js';

/** Up to so many events, a fold that the server can't tell is made of all of them. */
const MOST_EVENTS = 200_000;

export function momentRun(run: Follow, show: (fold: RunFold | null) => void, touch: () => void): MomentRun {
  const { columns, history, states, checkpoints } = run;
  return {
    tip: () => run.tip,
    show,
    touch,
    timeOf: async (seq, signal) => {
      const known = columns.time(seq);
      if (known !== null) return known;
      return timeIn((await history.page(Pages.number(seq), signal)).event(seq));
    },
    seqAt: async (at, signal) => {
      const seen = columns.seqAt(at);
      if (seen !== null) return seen;
      let { after, until } = run.bins.near(at);
      while (Pages.number(until) > Pages.number(after + 1)) {
        const middle = Pages.first(Pages.number(Math.floor((after + until + PAGE) / 2)));
        if (middle <= after + 1 || middle > until) break;
        const event = (await history.page(Pages.number(middle), signal)).event(middle);
        if ((timeIn(event) ?? Infinity) <= at) after = middle;
        else until = middle - 1;
      }
      const page = await history.page(Pages.number(Math.max(1, until)), signal);
      const before = eventsOf(page, after, until).findLast((event) => (timeIn(event) ?? Infinity) <= at);
      return before?.seq ?? Math.max(1, after);
    },
    foldAt: async (seq, signal) => {
      const from = checkpoints.before(seq);
      if (from !== null) return states.events(seq, signal, { from });
      const state = await states.at(seq, signal);
      if (state !== null) return states.fold(state, signal);
      if (seq > MOST_EVENTS) throw new Error('the server can not tell, and there are too many events to read');
      return states.events(seq, signal);
    },
  };
}

function timeIn(event: RunEvent | null): number | null {
  return event === null ? null : (timeOf(event['at']) ?? timeOf(event['timestamp']));
}
