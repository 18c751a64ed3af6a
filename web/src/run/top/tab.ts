/** What the browser's tab says: its title, and its icon in the colour of the run's word. */
import { effect } from '@preact/signals';

import type { Head, Word } from '../../model.js';
import { clockTime, count } from '../../ui/format.js';
import { oneLine } from '../../ui/text.js';
import { WORDS, type Tone } from '../../ui/status.js';
import { clock, head } from '../store.js';

const SIGNS: Record<Word, string> = {
  waiting: '○',
  queued: '○',
  running: '▷',
  failing: '✖',
  needs_you: '❗',
  paused: '⏸',
  stalled: '?',
  passed: '✔',
  failed: '✖',
  timedout: '✖',
  interrupted: '✖',
  cancelled: '⊖',
  lost: '?',
};

/** `❗0:47 Which field… · company-forms`, `✖ 3/120 shop`, `✔ shop #4126`. */
export function tabTitle(run: Head, now: number): string {
  const name = nameOf(run);
  const sign = SIGNS[run.word];
  const ask = run.asks[0];
  if (run.word === 'needs_you' && ask !== undefined) {
    const left = ask.expiresAt === null ? ' ' : `${clockTime(ask.expiresAt - now)} `;
    return `${sign}${left}${oneLine(ask.question, 60)} · ${name}`;
  }
  const { failed, flaky, passed, skipped } = run.counts;
  if (failed > 0) return `${sign} ${count(failed)}/${count(run.total)} ${name}`;
  if (run.over || run.total === 0) return `${sign} ${name}`;
  return `${sign} ${count(failed + flaky + passed + skipped)}/${count(run.total)} ${name}`;
}

/** `shop #4127`; the run's id, if it has no project. */
export function nameOf({ meta, runId }: Pick<Head, 'meta' | 'runId'>): string {
  if (meta.project === undefined) return runId;
  return oneLine(meta.project, 60) + (meta.number === undefined ? '' : ` #${meta.number}`);
}

// these stand on the tab bar, which is light or dark as the browser likes: colours that are seen on both
const COLOURS: Record<Tone, string> = {
  ai: '#8b5cf0',
  fail: '#d93a2b',
  flaky: '#b67a0c',
  pass: '#23933f',
  run: '#2f81e8',
  pause: '#c9741a',
  dim: '#768089',
};
const MARKS: Partial<Record<Word, string>> = {
  failing: 'M5 5l6 6M11 5l-6 6',
  failed: 'M5 5l6 6M11 5l-6 6',
  timedout: 'M5 5l6 6M11 5l-6 6',
  interrupted: 'M8 4v5M8 12v0',
  passed: 'M4.5 8.5l2.5 2.5 4.5-5.5',
  needs_you: 'M8 4v5M8 12v0',
  paused: 'M6 5v6M10 5v6',
  running: 'M6.5 5l4 3-4 3z',
  lost: 'M8 4v5M8 12v0',
  stalled: 'M8 4v5M8 12v0',
};

/** The icon of a word, as a URL. */
export function iconUrl(word: Word): string {
  const mark = MARKS[word];
  const path =
    mark === undefined ? '' : `<path d="${mark}" fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round"/>`;
  const circle = `<circle cx="8" cy="8" r="8" fill="${COLOURS[WORDS[word].tone]}"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">${circle}${path}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** Keeps the tab up to date. Returns what ends it. */
export function keepTab(): () => void {
  let word: Word | null = null;
  return effect(() => {
    const run = head.value;
    if (run === null) return;
    const title = tabTitle(run, run.word === 'needs_you' ? clock.value : 0);
    if (document.title !== title) document.title = title;
    if (run.word !== word) showIcon(iconUrl((word = run.word)));
  });
}

function showIcon(url: string): void {
  for (const link of document.querySelectorAll('link[rel~=icon]')) link.remove();
  const link = document.createElement('link');
  link.rel = 'icon';
  link.href = url;
  document.head.append(link);
}
