/** One test, from its verdict down to its attachments. */
import { useEffect } from 'preact/hooks';

import { place } from '../place.js';
import { detail, testOf } from '../store.js';
import { tell } from '../worker.js';

export function Detail() {
  const key = place.value.test;
  useEffect(() => tell({ type: 'test', key }), [key]);
  const test = testOf(key);
  if (test === null) return <aside class="detail" aria-label="Test" />;
  return (
    <aside class="detail" aria-label="Test">
      <h2>{test.path.join(' › ')}</h2>
      <p>{detail.value?.steps.size ?? 0} steps</p>
    </aside>
  );
}
