/** The places in which producers run tests: which test is where, and what people call them. */
import type { Slot, TestKey } from '../model.js';
import type { TestState } from './state.js';

interface Place {
  producer: string;
  slot: number;
  test: TestKey;
  running: boolean;
}

export class Slots {
  readonly #places = new Map<string, Place>();
  /** Producers in the order in which they were first seen with a slot. */
  readonly #producers: string[] = [];

  /** Takes a test as it is now, or as it was last. Returns whether the labels of all slots have changed. */
  take(key: TestKey, test: TestState): boolean {
    const { producer, slot } = test;
    if (producer == null || slot == null) return false;
    const isNew = !this.#producers.includes(producer);
    if (isNew) this.#producers.push(producer);
    const stream = `${producer}/${slot}`;
    const running = test.status === 'running';
    const place = this.#places.get(stream);
    if (place === undefined) this.#places.set(stream, { producer, slot, test: key, running });
    else if (running || place.test === key || !place.running) Object.assign(place, { test: key, running });
    return isNew && this.#producers.length === 2;
  }

  /** What people call a slot: its number, `2.0` where several producers have some. */
  label(producer: string | null | undefined, slot: number | null | undefined): string | null {
    if (slot == null) return null;
    if (this.#producers.length < 2 || producer == null) return String(slot);
    const at = this.#producers.indexOf(producer);
    return at < 0 ? String(slot) : `${at + 1}.${slot}`;
  }

  /** All of them, in the order of their labels. `isHeld`: whether a producer holds in a pause. */
  list(isHeld: (producer: string) => boolean): Slot[] {
    const index = new Map(this.#producers.map((producer, at) => [producer, at]));
    const places = [...this.#places].sort(
      ([, one], [, other]) =>
        (index.get(one.producer) ?? 0) - (index.get(other.producer) ?? 0) || one.slot - other.slot,
    );
    return places.map(([stream, { producer, slot, test, running }]) => ({
      producer,
      slot,
      stream,
      label: this.label(producer, slot) ?? String(slot),
      test,
      running,
      paused: running && isHeld(producer),
    }));
  }
}
