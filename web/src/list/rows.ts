/** Runs as the list has them: what the server tells, read with care. Pure. */
import type { Meta, Word } from '../model.js';

/** The groups by which runs are chosen. */
export type Group = 'all' | 'needsYou' | 'running' | 'failed' | 'flaky' | 'passed';

/** A run in the list. Times are milliseconds since 1970, durations milliseconds. */
export interface RunRow {
  runId: string;
  word: Word;
  over: boolean;
  events: number;
  createdAt: number;
  lastEventAt: number;
  startedAt: number;
  endedAt: number | null;
  elapsedMs: number | null;
  meta: Meta;
  /** Numbers of tests; null: the server tells of none. */
  tests: Tests | null;
  workers: number | null;
  firstError: { title: string | null; message: string } | null;
  ask: { question: string; expiresAt: number | null } | null;
  paused: { by: string; until: number | null } | null;
}

export interface Tests {
  failed: number;
  flaky: number;
  passed: number;
  skipped: number;
  running: number;
  queued: number;
  /** Those that are over. */
  done: number;
  total: number;
}

const WORDS = new Set<string>([
  'waiting', 'queued', 'running', 'failing', 'needs_you', 'paused', 'stalled', 'passed', 'failed', 'timedout', 'interrupted',
  'cancelled', 'lost',
]);
const OVER = new Set<Word>(['passed', 'failed', 'timedout', 'interrupted', 'cancelled', 'lost']);

type Json = Record<string, unknown>;

const object = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {});
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);
const count = (value: unknown): number => Math.max(0, number(value) ?? 0);
const time = (value: unknown): number | null => {
  const at = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? null : at;
};

/** A run of an answer; null: it is none. A server of before tells only status, events and times. */
export function rowOf(value: unknown): RunRow | null {
  const raw = object(value);
  const runId = text(raw['runId']);
  if (runId === null) return null;
  const word = wordOf(raw);
  const createdAt = time(raw['createdAt']) ?? time(raw['lastEventAt']) ?? 0;
  const lastEventAt = time(raw['lastEventAt']) ?? createdAt;
  const over = OVER.has(word);
  const startedAt = time(raw['startedAt']) ?? createdAt;
  const error = object(raw['firstError']);
  const ask = object(raw['ask']);
  const paused = object(raw['paused']);
  const message = text(error['message']);
  const by = object(paused['by']);
  return {
    runId, word, over, events: count(raw['events']), createdAt, lastEventAt, startedAt,
    endedAt: time(raw['endedAt']) ?? (over ? lastEventAt : null),
    elapsedMs: number(raw['elapsedMs']) ?? (over ? lastEventAt - startedAt : null),
    meta: metaOf(raw['meta']),
    tests: testsOf(raw),
    workers: number(raw['workers']),
    firstError: message === null ? null : { title: text(error['title']), message },
    ask: raw['ask'] == null ? null : { question: text(ask['question']) ?? '', expiresAt: time(ask['expiresAt']) },
    paused: raw['paused'] == null ? null : { by: text(by['name']) ?? text(by['subject']) ?? text(paused['by']) ?? '', until: time(paused['until']) },
  };
}

function wordOf(raw: Json): Word {
  for (const name of [raw['word'], raw['status']]) if (typeof name === 'string' && WORDS.has(name)) return name as Word;
  return 'running';
}

function metaOf(value: unknown): Meta {
  const raw = object(value);
  const meta: Meta = {};
  for (const name of ['project', 'title', 'branch', 'commit', 'author', 'ciUrl'] as const) {
    const given = text(raw[name]);
    if (given !== null) meta[name] = given;
  }
  const given = number(raw['number']);
  if (given !== null) meta.number = given;
  const labels = Array.isArray(raw['labels']) ? raw['labels'].filter((label) => typeof label === 'string' && label !== '') : [];
  if (labels.length > 0) meta.labels = labels as string[];
  return meta;
}

function testsOf(raw: Json): Tests | null {
  if (raw['counts'] == null && raw['outcomes'] == null) return null;
  const counts = object(raw['counts']);
  const outcomes = object(raw['outcomes']);
  const failed = count(outcomes['unexpected']);
  const flaky = count(outcomes['flaky']);
  const passed = count(outcomes['expected']);
  const skipped = count(outcomes['skipped']);
  const running = count(counts['running']);
  const known = Object.values(counts).reduce((sum: number, value) => sum + count(value), 0);
  const done = failed + flaky + passed + skipped;
  const total = Math.max(count(raw['total']), known, done + running);
  return { failed, flaky, passed, skipped, running, queued: total - done - running, done, total };
}

/** The group in which a run is counted; null: it is in none but all. */
export function groupOf(row: RunRow): Exclude<Group, 'all'> | null {
  if (row.word === 'needs_you') return 'needsYou';
  if (!row.over) return 'running';
  if (row.word === 'passed') return (row.tests?.flaky ?? 0) > 0 ? 'flaky' : 'passed';
  return row.word === 'cancelled' ? null : 'failed';
}

/** What a run is called: its project, with its number; its id where it has none. */
export function nameOf(row: RunRow): { name: string; detail: string | null } {
  const { project, number: given } = row.meta;
  if (project === undefined) return { name: row.runId, detail: null };
  return { name: project, detail: given === undefined ? row.runId : `#${given}` };
}

/** The parts of the bar of a run's tests, and how many tests each has; what is wrong is at the left. */
export function partsOf(row: RunRow): { part: 'ask' | 'failed' | 'flaky' | 'passed' | 'skipped' | 'running' | 'queued'; tests: number }[] {
  const { tests } = row;
  if (tests === null) return [];
  const asks = row.ask === null ? 0 : Math.min(1, tests.total);
  const running = Math.max(0, tests.running - asks);
  const queued = Math.max(0, tests.queued - (tests.running >= asks ? 0 : asks));
  const parts = [
    { part: 'ask' as const, tests: asks },
    { part: 'failed' as const, tests: tests.failed },
    { part: 'flaky' as const, tests: tests.flaky },
    { part: 'passed' as const, tests: tests.passed },
    { part: 'skipped' as const, tests: tests.skipped },
    { part: 'running' as const, tests: running },
    { part: 'queued' as const, tests: queued },
  ];
  return parts.filter((part) => part.tests > 0);
}

/** `18 of 33` as long as some are to come; `33`. */
export function testsWords({ done, total }: Tests): string {
  return done < total ? `${done.toLocaleString('en')} of ${total.toLocaleString('en')}` : total.toLocaleString('en');
}
