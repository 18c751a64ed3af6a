/** How much room there is: three columns, the tests beside one pane, or one pane with tabs below. */
import { signal } from '@preact/signals';

export type Width = 'wide' | 'middle' | 'narrow';

const narrow = matchMedia('(max-width: 699px)');
const wide = matchMedia('(min-width: 1200px)');

function now(): Width {
  return narrow.matches ? 'narrow' : wide.matches ? 'wide' : 'middle';
}

export const width = signal<Width>(now());

for (const query of [narrow, wide]) query.addEventListener('change', () => (width.value = now()));
