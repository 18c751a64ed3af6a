/** What is searched for in the log, what was found in its rows, and what elsewhere in the run. */
import { batch, computed, effect, signal } from '@preact/signals';

import type { Hit } from '../../model.js';
import { log } from '../store.js';
import { go, place } from '../place.js';
import { covers, indexOfSeq } from '../log/lines.js';
import { scope } from '../log/state.js';
import { call, Refusal } from '../worker.js';
import { findAll, firstFrom, rangesInRow, type Match } from './find.js';

/** Hits that are kept on the page. */
const MOST_HITS = 500;
/** Milliseconds after the last letter at which the server is asked. */
const PAUSE_MS = 250;

/** Whether the field is in sight. */
export const open = signal(place.peek().words !== '');
/** The words, as they are written. */
export const words = computed(() => place.value.words);
/** The words that are marked: none while the field is closed. */
export const shownWords = computed(() => (open.value ? words.value.trim() : ''));
/** Places in the loaded rows. */
export const matches = computed<Match[]>(() =>
  shownWords.value === '' ? [] : findAll(log.value.rows, shownWords.value),
);
/** Which of them is the current one; -1: none was gone to yet. */
export const current = signal(-1);
/** The row in sight at which a search begins. */
export const startRow = signal(0);

/** What the server found. */
export interface Elsewhere {
  words: string;
  hits: Hit[];
  cursor: string | null;
  more: boolean;
  loading: boolean;
  error: string | null;
}
const NOTHING: Elsewhere = { words: '', hits: [], cursor: null, more: false, loading: false, error: null };
export const found = signal<Elsewhere>(NOTHING);

/** Hits that are not in the rows above: of the run, or of the test if the log is that of a test. */
export const elsewhere = computed<Hit[]>(() => {
  const shown = log.value;
  const of = scope.value;
  const said = shownWords.value;
  return found.value.hits.filter((hit) => {
    for (let at = indexOfSeq(shown.rows, hit.seq); shown.rows[at]?.seq === hit.seq; at += 1) {
      if (rangesInRow(shown.rows[at]!, said).length > 0) return false; // it is marked above
    }
    return hit.type !== 'log' || of.of !== 'run' || !covers(shown, hit.seq);
  });
});

/** Shows the field. */
export function openSearch(): void {
  open.value = true;
}

/** Ends the search: nothing is marked, the words leave the URL. */
export function closeSearch(): void {
  batch(() => {
    open.value = false;
    current.value = -1;
    go({ words: '' });
  });
}

/** Searches for other words, as they are written. */
export function setWords(text: string): void {
  batch(() => {
    go({ words: text });
    current.value = matches.value.length === 0 ? -1 : firstFrom(matches.value, startRow.peek());
  });
}

/** Goes to the next match, or the one before; from the last to the first. */
export function step(by: 1 | -1): void {
  const all = matches.peek().length;
  if (all === 0) return;
  const at = current.peek();
  current.value = at < 0 ? firstFrom(matches.peek(), startRow.peek()) : (at + by + all) % all;
}

let generation = 0;

/** Asks the server; with `more` for the hits behind those that have come. */
export async function searchRun(more = false): Promise<void> {
  const q = shownWords.peek();
  const before = more ? found.peek() : { ...NOTHING, words: q };
  generation += 1;
  const mine = generation;
  found.value = { ...before, loading: q !== '', error: null };
  if (q === '') return;
  const of = scope.peek();
  try {
    const answer = await call('search', {
      q,
      limit: 50,
      ...(of.of === 'test' ? { test: of.key } : {}),
      ...(more && before.cursor !== null ? { after: before.cursor } : {}),
    });
    if (mine !== generation) return;
    const hits = [...before.hits, ...answer.hits].slice(0, MOST_HITS);
    found.value = {
      words: q,
      hits,
      cursor: answer.cursor,
      more: answer.more && hits.length < MOST_HITS,
      loading: false,
      error: null,
    };
  } catch (error) {
    if (mine !== generation) return;
    const detail = error instanceof Refusal ? error.detail : String(error);
    found.value = { ...before, loading: false, error: detail };
  }
}

effect(() => {
  const said = shownWords.value;
  void scope.value;
  generation += 1; // what is on its way is of other words
  if (said !== '') found.value = { ...NOTHING, words: said, loading: true };
  const timer = setTimeout(() => void searchRun(), PAUSE_MS);
  return () => clearTimeout(timer);
});
