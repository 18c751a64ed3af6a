/** What the page knows, as signals. The worker's messages change it ({@link receive}); nothing else does. */
import { batch, computed, signal } from '@preact/signals';

import type {
  Artifact,
  Attempt,
  Connection,
  Head,
  LogRow,
  Moment,
  Notice,
  Step,
  TestKey,
  TestRow,
  Timeline,
  FromWorker,
} from '../model.js';

/** The run as a whole; null until the worker has told. */
export const head = signal<Head | null>(null);
export const connection = signal<Connection | null>(null);
export const moment = signal<Moment>({ live: true, seq: 0, at: null, loading: false });
export const timeline = signal<Timeline | null>(null);
/**
 * The stream whose screen is shown; null: none. The screen sets it, and what belongs to that worker is marked with it.
 */
export const onScreen = signal<string | null>(null);
/** What was to be said, the newest last; the page shows the last few. */
export const notices = signal<Notice[]>([]);

const rows = new Map<TestKey, TestRow>();
/** Grows when a test has changed. */
export const testsVersion = signal(0);
/** Whether all tests have come. */
export const testsComplete = signal(false);

/** The tests by their keys: read it together with {@link testsVersion}. */
export const tests: ReadonlyMap<TestKey, TestRow> = rows;

/** The test that is open, as its events tell. */
export interface Detail {
  key: TestKey;
  attempts: Attempt[];
  /** By attempt and id, in the order in which they began. */
  steps: Map<string, Step>;
  loading: boolean;
  omitted: number;
}
export const detail = signal<Detail | null>(null);

/** The rows of the log that are on the page. */
export interface Log {
  log: number;
  rows: LogRow[];
  earlier: boolean;
  later: boolean;
  /** Rows that were dropped from, less those that were put in front of, the first since it was chosen. */
  shift: number;
}
export const log = signal<Log>({ log: 0, rows: [], earlier: false, later: false, shift: 0 });

const artifactRows = new Map<string, Artifact>();
const artifactsVersion = signal(0);
/** All artifacts, the newest last. */
export const artifacts = computed(() => {
  void artifactsVersion.value;
  return [...artifactRows.values()];
});

/** Milliseconds since 1970 by the server's clock, each second. */
export const clock = signal(Date.now());
setInterval(() => {
  clock.value = serverNow();
}, 1_000);

/** Now, by the server's clock. */
export function serverNow(): number {
  return Date.now() + (connection.peek()?.clockOffsetMs ?? 0);
}

/** The time at what is shown: now, or that of the moment that one looks at. */
export function shownNow(): number {
  return moment.value.live ? serverNow() : (moment.value.at ?? serverNow());
}

/** The test with a key. Components that call it are drawn again when any test changes. */
export function testOf(key: TestKey | null): TestRow | null {
  void testsVersion.value;
  return key === null ? null : (rows.get(key) ?? null);
}

/** Takes a message of the worker, but answers and frames. */
export function receive(message: FromWorker): void {
  batch(() => {
    switch (message.type) {
      case 'head':
        head.value = message.head;
        break;
      case 'connection':
        connection.value = message.connection;
        break;
      case 'moment':
        moment.value = message.moment;
        break;
      case 'timeline':
        timeline.value = message.timeline;
        break;
      case 'notice':
        notices.value = [...notices.value, message.notice].slice(-20);
        break;
      case 'tests':
        if (message.reset) rows.clear();
        for (const row of message.rows) rows.set(row.key, row);
        testsComplete.value = message.complete;
        testsVersion.value += 1;
        break;
      case 'artifacts':
        if (message.reset) artifactRows.clear();
        for (const row of message.rows) artifactRows.set(row.artifactId, row);
        artifactsVersion.value += 1;
        break;
      case 'detail': {
        const before = detail.value;
        const steps = message.reset || before?.key !== message.key ? new Map<string, Step>() : new Map(before.steps);
        for (const step of message.steps) steps.set(`${step.attempt}/${step.id}`, step);
        detail.value = {
          key: message.key,
          attempts: message.attempts,
          steps,
          loading: message.loading,
          omitted: message.omitted,
        };
        break;
      }
      case 'log': {
        const { change } = message;
        const before = log.value;
        let kept = change.reset || before.log !== change.log ? [] : before.rows;
        let shift = kept === before.rows ? before.shift : 0;
        if (change.dropFirst) ((kept = kept.slice(change.dropFirst)), (shift += change.dropFirst));
        if (change.dropLast) kept = kept.slice(0, kept.length - change.dropLast);
        if (change.prepend?.length) ((kept = [...change.prepend, ...kept]), (shift -= change.prepend.length));
        if (change.append?.length) kept = [...kept, ...change.append];
        log.value = { log: change.log, rows: kept, earlier: change.earlier, later: change.later, shift };
        break;
      }
    }
  });
}
