/**
 * Which tests a filter leaves. Words are looked for in titles, file, project, tags and annotations; `@tag`,
 * `status:failed`, `project:`, `file:`, `tag:` and `annotation:` look in one place; `-` in front leaves the others;
 * quotes keep blanks.
 */
import type { TestRow } from '../../model.js';
import { LOOKS, shownOf } from '../../ui/status.js';

/** One condition. */
export interface Term {
  /** Where it looks; `text`: everywhere. */
  in: 'text' | 'tag' | 'status' | 'project' | 'file' | 'annotation';
  words: string;
  not: boolean;
}

const TERM = /(-?)(?:(status|project|file|tag|annotation):)?(?:"([^"]*)"?|(\S+))/giu;

/** The conditions of a filter: all have to hold. */
export function termsOf(filter: string): Term[] {
  return [...filter.matchAll(TERM)].flatMap(([, not, name, quoted, bare]) => {
    const text = (quoted ?? bare ?? '').toLowerCase();
    if (text === '') return [];
    const place = name?.toLowerCase() as Term['in'] | undefined;
    if (place === undefined && quoted === undefined && /^@./u.test(text))
      return [{ in: 'tag', words: text.slice(1), not: not === '-' }];
    return [{ in: place ?? 'text', words: place === 'tag' ? text.replace(/^@/, '') : text, not: not === '-' }];
  });
}

const known = new WeakMap<TestRow, string>();

function textOf(test: TestRow): string {
  let text = known.get(test);
  if (text === undefined) {
    const annotations = test.annotations.flatMap(({ type, description }) => [type, description ?? '']);
    text = [
      test.path.join(' › '),
      test.file ?? '',
      test.project ?? '',
      test.variant ?? '',
      ...test.tags,
      ...annotations,
    ]
      .join('\n')
      .toLowerCase();
    known.set(test, text);
  }
  return text;
}

/** Whether a test is left. */
export function passes(test: TestRow, terms: readonly Term[]): boolean {
  return terms.every((term) => holds(test, term) !== term.not);
}

function holds(test: TestRow, { in: where, words }: Term): boolean {
  const has = (text: string | null) => (text ?? '').toLowerCase().includes(words);
  switch (where) {
    case 'text':
      return textOf(test).includes(words);
    case 'tag':
      return test.tags.some((tag) => tag.toLowerCase().replace(/^@/, '') === words);
    case 'status': {
      const shown = shownOf(test);
      return shown === words || LOOKS[shown].word === words || (words === 'failed' && LOOKS[shown].tone === 'fail');
    }
    case 'project':
      return (test.project ?? '').toLowerCase() === words || (test.variant ?? '').toLowerCase() === words;
    case 'file':
      return has(test.file);
    case 'annotation':
      return test.annotations.some(({ type, description }) => has(type) || has(description));
  }
}

/** The filter with a condition more, or without it if it has it. */
export function toggled(filter: string, name: 'status' | 'project' | 'tag', value: string): string {
  const term = written(name, value);
  const words = filter.split(/\s+/u).filter(Boolean);
  const whole = ` ${words.join(' ')} `;
  if (whole.includes(` ${term} `)) return whole.replace(` ${term} `, ' ').trim();
  // of one kind there is one
  const others = termsOf(filter)
    .filter((one) => one.in !== name || one.not)
    .map((one) => `${one.not ? '-' : ''}${one.in === 'text' ? quoted(one.words) : written(one.in, one.words)}`);
  return [...others, term].join(' ');
}

/** Whether a filter has a condition. */
export function has(filter: string, name: 'status' | 'project' | 'tag', value: string): boolean {
  const words = value.toLowerCase().replace(/^@/, '');
  return termsOf(filter).some((term) => term.in === name && !term.not && term.words === words);
}

function written(name: Term['in'], value: string): string {
  const words = value.toLowerCase().replace(/^@/, '');
  return name === 'tag' && !/[\s"]/u.test(words) ? `@${words}` : `${name}:${quoted(words)}`;
}

function quoted(words: string): string {
  return /\s/u.test(words) ? `"${words}"` : words;
}
