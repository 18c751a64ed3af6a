/** The question that the run waits with, and how it is answered. */
import { head } from '../store.js';

export function AskPanel() {
  const ask = head.value?.asks[0];
  return ask === undefined ? null : <section class="ask" aria-label="Question"><h2>{ask.question}</h2></section>;
}
