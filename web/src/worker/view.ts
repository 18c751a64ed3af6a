/** The run after an event, as the page shows it: now, or at a moment of the past. */
import type { Head, TestKey, TestRow } from '../model.js';
import type { TestFacts } from './facts.js';
import type { RunFold } from './fold.js';
import { headOf } from './head.js';
import { membersOf, type Members, type RunEvent, textOf } from './read.js';
import { Slots } from './slots.js';
import { isHeld, Steered } from './steered.js';
import { FINAL, TEST_ENDS, type TestState } from './state.js';
import { testRowOf } from './test-row.js';
import { countsOf, Durations, leftOf } from './words.js';

/** What a view does not know by itself. */
export interface HeadFacts {
  now: number;
  viewers: number | null;
  firstAvailable: number;
  isMe(subject: string, lease: string | null): boolean;
}

export class RunView {
  readonly slots = new Slots();
  readonly #durations = new Durations();
  readonly #ended = new Map<TestKey, number>();
  readonly #running = new Set<TestKey>();
  /** Tests whose rows have changed although they have not. */
  #touched = new Set<TestKey>();
  #asks = new Map<TestKey, string>();
  #isPaused = false;
  /** Who holds in a pause, as a text to compare. */
  #held = '';
  #holds = false;

  constructor(
    readonly fold: RunFold,
    private readonly facts: TestFacts,
    private readonly steered = new Steered(),
  ) {
    for (const [key, test] of fold.tests()) {
      facts.order(key);
      this.#note(key, test);
    }
    fold.takeChanged();
    this.#lookAtControl();
  }

  get seq(): number {
    return this.fold.seq;
  }

  get isOver(): boolean {
    const { status } = this.fold.state();
    return status !== null && FINAL.has(status);
  }

  apply(event: RunEvent): void {
    this.fold.apply(event);
  }

  /** Tests whose rows may have changed since this was last asked. */
  takeChanged(): TestKey[] {
    const changed = new Set(this.fold.takeChanged());
    for (const key of changed) {
      this.facts.order(key);
      const test = this.fold.test(key);
      if (test !== undefined && this.#note(key, test)) for (const [one] of this.fold.tests()) this.#touched.add(one);
    }
    this.#lookAtControl();
    for (const key of this.#touched) changed.add(key);
    this.#touched = new Set();
    return [...changed];
  }

  /** The row of a test has changed, although the test has not. */
  touch(key: TestKey): void {
    this.#touched.add(key);
  }

  row(key: TestKey): TestRow | null {
    const test = this.fold.test(key);
    return test === undefined
      ? null
      : testRowOf(key, test, {
          facts: this.facts,
          slots: this.slots,
          seq: this.seq,
          isPaused: (producer) => this.#isPaused && isHeld(this.fold.state(), producer),
          holds: this.steered.holds,
          askOf: (of) => this.#asks.get(of) ?? null,
        });
  }

  head(facts: HeadFacts): Head {
    const state = this.fold.state();
    return headOf(state, {
      ...facts,
      seq: this.seq,
      slots: this.slots,
      holds: this.steered.holds,
      steered: this.steered,
      keyOf: (event) => this.fold.keyOf(event as RunEvent),
      leftMs: this.#left(facts.now),
    });
  }

  /** Title and project of a test. */
  named(key: TestKey): { title: string; project: string | null } | null {
    const test = this.fold.test(key);
    return test === undefined ? null : { title: test.title ?? test.testId, project: test.project ?? null };
  }

  /** The label of the slot in which an attempt of a test runs or ran. */
  slotLabel(key: TestKey, attempt: number | null): string | null {
    const place = this.placeOf(key, attempt);
    return place === null ? null : this.slots.label(place.producer, place.slot);
  }

  /** Producer and slot in which an attempt of a test runs or ran. */
  placeOf(key: TestKey, attempt: number | null): { producer: string | null; slot: number } | null {
    const test = this.fold.test(key);
    if (test === undefined) return null;
    const earlier =
      attempt === null || attempt === (test.attempt ?? 0)
        ? undefined
        : test.attempts?.find((one) => one.attempt === attempt && one.slot != null);
    const { producer, slot } = earlier ?? test;
    return slot == null ? null : { producer: producer ?? null, slot };
  }

  #left(now: number): number | null {
    const state = this.fold.state();
    if (this.#isPaused) return null;
    const running = [...this.#running].map((key) => {
      const startedAt = this.facts.startedAt(key, this.fold.test(key)?.attempt ?? 0, this.seq);
      return startedAt === null ? null : Math.max(0, now - startedAt);
    });
    const workers = state.workers ?? Math.max(1, running.length);
    return leftOf(countsOf(state), this.#durations, workers, running);
  }

  /** Takes a test as it is now. Whether the labels of all slots have changed. */
  #note(key: TestKey, test: TestState): boolean {
    if (test.status === 'running') this.#running.add(key);
    else this.#running.delete(key);
    const before = this.#ended.get(key);
    const ms = TEST_ENDS.has(test.status) && test.status !== 'skipped' ? test.durationMs : null;
    if (before !== undefined && before !== ms) {
      this.#durations.remove(before);
      this.#ended.delete(key);
    }
    if (ms !== null && before !== ms) {
      this.#durations.add(ms);
      this.#ended.set(key, ms);
    }
    return this.slots.take(key, test);
  }

  /** Pause and questions are shown in the rows of tests. */
  #lookAtControl(): void {
    const state = this.fold.state();
    const isPaused = state.paused != null;
    const held = isPaused
      ? (state.producers ?? [])
          .filter(({ producer }) => isHeld(state, textOf(producer)))
          .map(({ producer }) => producer)
          .join()
      : '';
    if (isPaused !== this.#isPaused || held !== this.#held || this.steered.holds !== this.#holds) {
      this.#holds = this.steered.holds;
      this.#isPaused = isPaused;
      this.#held = held;
      for (const key of this.#running) this.#touched.add(key);
    }
    const asks = new Map<TestKey, string>();
    for (const ask of state.asks ?? []) {
      const key = this.fold.keyOf(membersOf(ask['event']) as Members as RunEvent);
      if (key !== null) asks.set(key, String(ask['askId']));
    }
    for (const [key, id] of asks) if (this.#asks.get(key) !== id) this.#touched.add(key);
    for (const key of this.#asks.keys()) if (!asks.has(key)) this.#touched.add(key);
    this.#asks = asks;
  }
}
