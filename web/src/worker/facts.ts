/** What the state does not say of tests, and events do: when an attempt and a step began, after which event it failed. */
import type { Box, TestKey } from '../model.js';
import { boxOf, membersOf, type RunEvent, textOf, timeOf, wholeOf } from './read.js';
import { TEST_ENDS } from './state.js';

/** Open steps that are remembered of a test. */
const MAX_OPEN = 16;
/** Characters of a URL that are kept. */
const MAX_URL = 2_000;

interface Facts {
  attempt: number;
  /** Of the attempt: the event that began it, and when. */
  seq: number;
  startedAt: number | null;
  /** The event after which it had failed. */
  failedSeq: number | null;
  /** When each open step began. */
  steps: Map<string, { at: number | null; seq: number; box: Box | null }> | null;
  /** The page that the attempt is on, and since which event; null: not known. */
  url: { text: string; seq: number } | null;
}

export class TestFacts {
  readonly #facts = new Map<TestKey, Facts>();
  readonly #orders = new Map<TestKey, number>();

  /** The place of a test in the order in which they first occurred. */
  order(key: TestKey): number {
    let order = this.#orders.get(key);
    if (order === undefined) this.#orders.set(key, (order = this.#orders.size));
    return order;
  }

  /** Takes an event of a test, in order. */
  take(key: TestKey, event: RunEvent): void {
    if (event.type === 'test_status') this.#status(key, event);
    else if (event.type === 'test_step') this.#step(key, event);
  }

  /** Takes an event from before what was seen, the newest first. Whether it tells what was not known. */
  recall(key: TestKey, event: RunEvent): boolean {
    const known = this.#facts.get(key);
    if (event.type !== 'test_status' || textOf(event['status']) !== 'running' || (known?.seq ?? 0) > 0) return false;
    const attempt = wholeOf(membersOf(event['data'])['attempt']) ?? 0;
    const failedSeq = known?.failedSeq ?? null;
    this.#facts.set(key, {
      attempt,
      seq: event.seq,
      startedAt: timeOf(event['timestamp']),
      failedSeq,
      steps: null,
      url: null,
    });
    return true;
  }

  /** A test is known to have failed after an event. */
  failed(key: TestKey, seq: number): void {
    const known = this.#facts.get(key);
    if (known === undefined)
      this.#facts.set(key, { attempt: -1, seq: 0, startedAt: null, failedSeq: seq, steps: null, url: null });
    else known.failedSeq ??= seq;
  }

  /** When an attempt of a test began, as far as was known after event `until`. */
  startedAt(key: TestKey, attempt: number, until: number): number | null {
    const known = this.#facts.get(key);
    return known !== undefined && known.attempt === attempt && known.seq <= until ? known.startedAt : null;
  }

  failedSeq(key: TestKey, until: number): number | null {
    const seq = this.#facts.get(key)?.failedSeq ?? null;
    return seq !== null && seq <= until ? seq : null;
  }

  stepStartedAt(key: TestKey, id: string, until: number): number | null {
    const step = this.#facts.get(key)?.steps?.get(id);
    return step !== undefined && step.seq <= until ? step.at : null;
  }

  /** Where the target of an open step is. */
  stepBox(key: TestKey, id: string, until: number): Box | null {
    const step = this.#facts.get(key)?.steps?.get(id);
    return step !== undefined && step.seq <= until ? step.box : null;
  }

  /** The page that a test is on. */
  url(key: TestKey, until: number): string | null {
    const url = this.#facts.get(key)?.url ?? null;
    return url !== null && url.seq <= until ? url.text : null;
  }

  clear(): void {
    this.#facts.clear();
    this.#orders.clear();
  }

  #status(key: TestKey, event: RunEvent): void {
    const data = membersOf(event['data']);
    const status = textOf(event['status'])?.toLowerCase() ?? '';
    const known = this.#facts.get(key);
    const attempt = wholeOf(data['attempt']) ?? Math.max(0, known?.attempt ?? 0);
    if (status === 'running') {
      const failedSeq = attempt === 0 ? null : (known?.failedSeq ?? null);
      this.#facts.set(key, {
        attempt,
        seq: event.seq,
        startedAt: timeOf(event['timestamp']),
        failedSeq,
        steps: null,
        url: null,
      });
    } else if (TEST_ENDS.has(status)) {
      const expected = textOf(data['expected'])?.toLowerCase() ?? 'passed';
      if (status !== expected && status !== 'skipped') this.failed(key, event.seq);
      if (known !== undefined) known.steps = null;
    }
  }

  #step(key: TestKey, event: RunEvent): void {
    const step = membersOf(event['step']);
    const id = textOf(step['id']) ?? (wholeOf(step['stepNumber']) === null ? null : String(step['stepNumber']));
    const known = this.#facts.get(key);
    if (id === null || known === undefined) return;
    if (step['phase'] === 'end') {
      known.steps?.delete(id);
      return;
    }
    known.steps ??= new Map();
    const { box, url } = membersOf(step['params']);
    known.steps.set(id, { at: timeOf(event['timestamp']), seq: event.seq, box: boxOf(box) });
    if (typeof url === 'string' && url !== '') known.url = { text: url.slice(0, MAX_URL), seq: event.seq };
    if (known.steps.size > MAX_OPEN) known.steps.delete(known.steps.keys().next().value as string);
  }
}
