/** Light or dark: as the system has it, or as was chosen in this browser. Whoever imports this has it applied. */
import { signal } from '@preact/signals';

import { keep, setting } from './who.js';

export type Theme = 'system' | 'light' | 'dark';

function kept(): Theme {
  const value = setting('runcast-theme');
  return value === 'light' || value === 'dark' ? value : 'system';
}

export const theme = signal<Theme>(kept());

/** Chooses, and keeps it. */
export function setTheme(to: Theme): void {
  theme.value = to;
  keep('runcast-theme', to);
}

theme.subscribe((to) => {
  if (to === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = to;
});
