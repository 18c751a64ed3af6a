/** The log: what tests and workers wrote. */
import { useEffect } from 'preact/hooks';

import { log } from '../store.js';
import { tell } from '../worker.js';

export function LogPane() {
  useEffect(() => tell({ type: 'log', log: 1, scope: { of: 'run' } }), []);
  return (
    <section class="log" aria-label="Log">
      {log.value.rows.slice(-50).map((row) => (
        <div key={`${row.seq}.${row.line}`}>{row.spans.map(({ text }) => text).join(' ')}</div>
      ))}
    </section>
  );
}
