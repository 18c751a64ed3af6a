/** The bar at the top: the word, what the run is about, counts, time, and whether it is live. */
import { connection, head } from '../store.js';

export function TopBar() {
  const run = head.value;
  return (
    <header class="top" data-word={run?.word ?? 'waiting'}>
      <a href="/">Runs</a> <strong>{run?.word}</strong> {run?.runId} {connection.value?.status}
    </header>
  );
}
