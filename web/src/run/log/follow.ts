/**
 * Whether the log holds to its end. Only whoever reads decides that: scrolling up lets go, being at the end again, the
 * switch and the jump take hold. Rows that come change nothing but the count. Pure.
 */

export interface Follow {
  on: boolean;
  /** Seq of the last row when it let go: rows behind it are new. */
  seen: number;
  /** Where the log was scrolled to last. */
  top: number;
}

/** Pixels that count as being at the end. */
const NEAR = 2;

/** What is known of the scrolled element: how far it is, and how far it can be scrolled. */
export interface Scrolled {
  top: number;
  max: number;
  /** Seq of the last row. */
  last: number;
  /** There are rows behind the last one that are not on the page: its end is not the log's. */
  later: boolean;
}

/** The element was scrolled, by whomever. */
export function scrolled(state: Follow, { top, max, last, later }: Scrolled): Follow {
  const atEnd = max - top <= NEAR;
  if (state.on) {
    // The page itself only ever scrolls to the end, or keeps the place of a row: going up from there was somebody.
    return top < state.top - 1 && !atEnd ? { on: false, seen: last, top } : { ...state, top };
  }
  const down = top > state.top;
  return atEnd && down && !later ? { on: true, seen: last, top } : { ...state, top };
}

/** Somebody begins to scroll up, with the wheel, a finger or a key; or selects text. */
export function letGo(state: Follow, last: number): Follow {
  return state.on ? { ...state, on: false, seen: last } : state;
}

/** Holds to the end from now on. */
export function hold(state: Follow, last: number): Follow {
  return { ...state, on: true, seen: last };
}

/** What the button under the log says; null: there is no button. */
export function freshWords(fresh: number, later: boolean, over: boolean): string | null {
  if (later) return over ? 'To the end' : 'To the newest line';
  if (fresh === 0) return null;
  return `${fresh.toLocaleString('en')} new ${fresh === 1 ? 'line' : 'lines'}`;
}
