/** By what runs are chosen: words, and names with values as chips; in the field, the URL, the server’s query. Pure. */
import { groupOf, type Group, type RunRow } from './rows.js';

/** Names that may stand before a value: `branch:main`. */
export const NAMES = ['started', 'branch', 'label', 'project', 'author'] as const;
export type Name = (typeof NAMES)[number];

export interface Filter {
  group: Group;
  words: string;
  /** `7d`, `24h`, `30m`; `all`. */
  started: string;
  branch: string;
  label: string;
  project: string;
  author: string;
}

/** What is shown at first. */
export const FIRST: Filter = { group: 'all', words: '', started: '7d', branch: '', label: '', project: '', author: '' };

const GROUPS: readonly string[] = ['all', 'needsYou', 'running', 'failed', 'flaky', 'passed'];
const SINCE = /^(\d{1,4})\s*(d|days?|h|hours?|m|min|minutes?)$/i;

/** `7d` of `7 days`, `7d`, `7`; null: that is none. */
export function sinceOf(text: string): string | null {
  const asked = text.trim();
  if (/^(all|any|ever)$/i.test(asked)) return 'all';
  const match = SINCE.exec(/^\d+$/.test(asked) ? `${asked}d` : asked);
  return match === null || Number(match[1]) === 0 ? null : `${Number(match[1])}${match[2]![0]!.toLowerCase()}`;
}

/** `7 days` of `7d`. */
export function sinceWords(since: string): string {
  const many = Number.parseInt(since, 10);
  const unit = since.endsWith('d') ? 'day' : since.endsWith('h') ? 'hour' : 'minute';
  return `${many} ${unit}${many === 1 ? '' : 's'}`;
}

/** Names with values, taken out of what was written; `done`: also the last word, which may still be written at. */
export function take(written: string, done: boolean): { rest: string; values: Partial<Record<Name, string>> } {
  const values: Partial<Record<Name, string>> = {};
  const pattern = /(^|\s)(started|since|branch|label|project|author):(?:"([^"]*)"|(\S+))(?=(\s|$))/gi;
  const rest = written.replace(
    pattern,
    (
      whole: string,
      before: string,
      name: string,
      quoted: string | undefined,
      bare: string | undefined,
      after: string,
    ) => {
      if (after === '' && !done && quoted === undefined) return whole;
      const value = quoted ?? bare ?? '';
      const key = (name.toLowerCase() === 'since' ? 'started' : name.toLowerCase()) as Name;
      const kept = key === 'started' ? sinceOf(value) : value;
      if (kept === null || kept === '') return whole;
      values[key] = kept;
      return before;
    },
  );
  return { rest: Object.keys(values).length === 0 ? written : rest.replace(/\s+/g, ' ').trimStart(), values };
}

/** A chip in the field. */
export interface Chip {
  name: Name;
  text: string;
}

/** The chips of a filter, the oldest name first. The project has a select of its own. */
export function chipsOf(filter: Filter): Chip[] {
  const chips: Chip[] = [];
  if (filter.started !== 'all') chips.push({ name: 'started', text: `started: ${sinceWords(filter.started)}` });
  for (const name of ['branch', 'label', 'author'] as const)
    if (filter[name] !== '') chips.push({ name, text: `${name}: ${filter[name]}` });
  return chips;
}

/** The filter without a chip. */
export function without(filter: Filter, name: Name): Filter {
  return { ...filter, [name]: name === 'started' ? 'all' : '' };
}

/** Whether anything but the first filter is asked for. */
export function isFirst(filter: Filter): boolean {
  return (Object.keys(FIRST) as (keyof Filter)[]).every((name) => filter[name] === FIRST[name]);
}

/** The query of the page's URL, with its `?`; empty for the first filter. */
export function urlOf(filter: Filter): string {
  const query = new URLSearchParams();
  if (filter.words.trim() !== '') query.set('q', filter.words.trim());
  for (const name of ['group', 'started', 'branch', 'label', 'project', 'author'] as const) {
    if (filter[name] !== FIRST[name]) query.set(name, filter[name]);
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** The filter of a URL's query. */
export function readUrl(search: string): Filter {
  const query = new URLSearchParams(search);
  const group = query.get('group') ?? 'all';
  return {
    group: (GROUPS.includes(group) ? group : 'all') as Group,
    words: query.get('q') ?? '',
    started: sinceOf(query.get('started') ?? '') ?? FIRST.started,
    branch: query.get('branch') ?? '',
    label: query.get('label') ?? '',
    project: query.get('project') ?? '',
    author: query.get('author') ?? '',
  };
}

/** The query for the server. */
export function queryOf(filter: Filter, limit: number, cursor: string | null): string {
  const query = new URLSearchParams();
  const words = filter.words.trim();
  if (words !== '') query.set('q', words);
  if (filter.group !== 'all') query.set('group', filter.group);
  if (filter.started !== 'all') query.set('since', filter.started);
  for (const name of ['branch', 'label', 'project', 'author'] as const) {
    if (filter[name] !== '') query.set(name, filter[name]);
  }
  query.set('limit', String(limit));
  if (cursor !== null) query.set('cursor', cursor);
  return query.toString();
}

const UNITS: Record<string, number> = { d: 86_400_000, h: 3_600_000, m: 60_000 };

/** Whether a run is one of those that are asked for: rows come by themselves, too, and some servers don't filter. */
export function matches(row: RunRow, filter: Filter, now: number): boolean {
  const { meta } = row;
  if (filter.group !== 'all' && groupOf(row) !== filter.group) return false;
  if (
    filter.started !== 'all' &&
    row.createdAt < now - Number.parseInt(filter.started, 10) * UNITS[filter.started.at(-1)!]!
  )
    return false;
  if (filter.branch !== '' && meta.branch !== filter.branch) return false;
  if (filter.project !== '' && meta.project !== filter.project) return false;
  if (filter.label !== '' && meta.labels?.includes(filter.label) !== true) return false;
  if (filter.author !== '' && meta.author?.toLowerCase() !== filter.author.toLowerCase()) return false;
  const searched = [
    row.runId,
    meta.project,
    meta.number === undefined ? '' : `#${meta.number}`,
    meta.title,
    meta.branch,
    meta.commit,
    meta.author,
  ]
    .filter((text) => text !== undefined)
    .join('\n')
    .toLowerCase();
  return filter.words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => searched.includes(word));
}
