/** What the page has been told, so that it is told only what has changed. */
import type { FromWorker, Head, TestKey, TestRow } from '../model.js';
import type { TestState } from './state.js';
import type { RunView } from './view.js';

/** How far the time that a run took may be from what was told, before it is told anew. */
const ELAPSED_SLACK_MS = 200;

/** Tests of a message. */
const PART = 2_000;

export class Outbox {
  #head: { head: Head; text: string } | null = null;
  #connection = '';
  /** The tests that the page has, as they were when they were told. */
  readonly #tests = new Map<TestKey, TestState>();
  /** Rows of the tests that run: they change often, and not always in what is shown. */
  readonly #running = new Map<TestKey, string>();
  #isComplete: boolean | null = null;

  constructor(private readonly post: (message: FromWorker) => void) {}

  head(head: Head): void {
    const text = JSON.stringify({ ...head, elapsedMs: null, elapsedAt: null, leftMs: null });
    const before = this.#head?.head;
    if (before !== undefined && this.#head?.text === text && !hasMoved(before, head)) return;
    // An estimate that jumps about is not read.
    this.#head = { head, text };
    this.post({ type: 'head', head });
  }

  connection(connection: Extract<FromWorker, { type: 'connection' }>['connection']): void {
    const text = JSON.stringify(connection);
    if (text === this.#connection) return;
    this.#connection = text;
    this.post({ type: 'connection', connection });
  }

  /** Rows of an overview, while the tests come. */
  first(rows: TestRow[]): void {
    this.#tests.clear();
    this.#running.clear();
    this.#isComplete = false;
    this.post({ type: 'tests', reset: true, rows, complete: false });
  }

  /** Tests that may have changed. */
  changed(view: RunView, keys: readonly TestKey[]): void {
    // A test that was of no variant belongs to one now.
    if (keys.some((key) => this.#tests.has(key) && view.fold.test(key) === undefined)) return this.all(view);
    const rows: TestRow[] = [];
    for (const key of keys) {
      const test = view.fold.test(key);
      const row = view.row(key);
      if (test === undefined || row === null) continue;
      this.#tests.set(key, test);
      if (row.status === 'running') {
        const text = JSON.stringify(row);
        if (this.#running.get(key) === text) continue;
        this.#running.set(key, text);
      } else {
        this.#running.delete(key);
      }
      rows.push(row);
    }
    if (rows.length > 0) this.post({ type: 'tests', reset: false, rows, complete: true });
  }

  /** All tests of another view: those that are the same are not told again. */
  all(view: RunView): void {
    const gone = [...this.#tests.keys()].some((key) => view.fold.test(key) === undefined);
    const reset = gone || this.#isComplete !== true;
    if (reset) this.#tests.clear();
    this.#running.clear();
    const rows: TestRow[] = [];
    for (const [key, test] of view.fold.tests()) {
      if (this.#tests.get(key) === test && test.status !== 'running') continue;
      this.#tests.set(key, test);
      const row = view.row(key);
      if (row === null) continue;
      if (row.status === 'running') this.#running.set(key, JSON.stringify(row));
      rows.push(row);
    }
    this.#isComplete = true;
    // In parts, so that the page is not held up by one of them.
    for (let at = 0; at === 0 || at < rows.length; at += PART) {
      const isLast = at + PART >= rows.length;
      this.post({ type: 'tests', reset: reset && at === 0, rows: rows.slice(at, at + PART), complete: isLast });
    }
  }
}

function hasMoved(before: Head, now: Head): boolean {
  const passed = before.ticking ? now.elapsedAt - before.elapsedAt : 0;
  const expected = before.elapsedMs === null ? null : before.elapsedMs + passed;
  if ((expected === null) !== (now.elapsedMs === null)) return true;
  if (expected !== null && now.elapsedMs !== null && Math.abs(now.elapsedMs - expected) > ELAPSED_SLACK_MS) return true;
  if ((before.leftMs === null) !== (now.leftMs === null)) return true;
  return before.leftMs !== null && now.leftMs !== null && Math.abs(now.leftMs - (before.leftMs - passed)) > 2_000;
}
