/** The sentence that says what a worker does. Pure. */
import type { Slot, TestRow } from '../../model.js';
import { LOOKS, shownOf, type Shown } from '../../ui/status.js';

export interface Sentence {
  /** Whose icon it has. */
  state: Shown;
  action: string;
  locator: string | null;
  /** Since when it does this, if that ticks. */
  since: number | null;
  /** How long it took, if it is over. */
  tookMs: number | null;
  /** The page that it is on: path, query and fragment. */
  path: string | null;
}

/** What is known of a pause. */
export interface Pause {
  since: number;
  by: { name: string };
}

/** What a worker does, from its test. */
export function sentenceOf(test: TestRow | null, slot: Pick<Slot, 'running' | 'paused'> | null, pause: Pause | null): Sentence {
  const nothing: Sentence = { state: 'queued', action: 'No test runs here', locator: null, since: null, tookMs: null, path: null };
  if (test === null) return nothing;
  const path = test.url == null ? null : pathOf(test.url);
  const state = shownOf({ ...test, paused: test.paused || slot?.paused === true });
  const step = test.step;
  const doing = { locator: step?.subtitle ?? null, path, tookMs: null };
  if (test.status === 'running' || state === 'held') {
    const name = step?.title ?? (state === 'running' ? 'Begins' : 'the test');
    if (state === 'ask') return { ...doing, state, action: 'Waits for an answer', locator: null, since: null };
    if (state === 'held') return { ...doing, state, action: 'Held open after its failure', locator: null, since: null };
    if (state === 'paused') return { ...doing, state, action: step === null ? 'Paused' : `Before ${name}`, since: pause?.since ?? null };
    return { ...doing, state, action: name, since: step?.startedAt ?? (step === null ? test.startedAt : null) };
  }
  const word = LOOKS[state].word;
  return { ...nothing, state, action: word[0]!.toUpperCase() + word.slice(1), tookMs: test.durationMs, path };
}

/** `/#/settings` of a URL: what is behind its origin. Anything else is left as it is. */
export function pathOf(url: string): string {
  const match = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/is.exec(url);
  return match === null ? url : match[1] === '' ? '/' : (match[1] ?? url);
}

/** What the picture shows, for those who don't see it. */
export function altOf(sentence: Sentence, title: string | null): string {
  const what = [sentence.action, sentence.locator].filter((part) => part !== null).join(' ');
  return [title, what, sentence.path].filter((part) => part !== null && part !== '').join(', ');
}
