/** The tests of a run, in the order in which they first occurred. A test is what has one id in one variant. */
import { keyOf, ofKey } from './key.js';
import { fits, MAX_BYTES } from './space.js';
import type { TestOutcome, TestStatus } from './status.js';
import { Tally } from './tally.js';
import { NO_PLAN, Test } from './test.js';
import { isVariant } from './variant.js';
import type { Resume, ShownTest } from './view.js';

/** Most tests that are kept; further ones are only counted. */
const MAX_TESTS = 50_000;
/** Most tests that are counted without being kept. */
const MAX_OMITTED = 90_000;
/** Longest accepted test id. */
const MAX_TEST_ID_BYTES = 512;
/** Most producers that are told apart. */
const MAX_PRODUCERS = 1_000;
/** Longest id of a producer. */
const MAX_ID_BYTES = 128;
/** Most variants whose tests are kept. */
const MAX_VARIANTS = 200;
/** The place of tests without a variant. */
const NO_VARIANT = 0;
/** The mark of a test that was only planned: status, and outcome behind a space. */
const PLANNED = 'pending';

interface RunVariant {
  readonly name: string | undefined;
  readonly tally: Tally;
}

/** Where the tests of an id are: one place, or several, that which was told of last at the end. */
type Places = number | readonly number[];

/** 53 bits of a test's variant and id: two multiplicative hashes of 32 bits over their bytes. The server has the same. */
export function testHash(variant: string | undefined, id: string): number {
  let [low, high] = [0x811c9dc5, 0x9747b28c];
  for (const byte of new TextEncoder().encode(`${variant ?? ''}\0${id}`)) {
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x85ebca6b);
    high = (high << 13) | (high >>> 19);
  }
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
}

/** All tests of a run. */
export class Tests {
  /** Of all tests, those that are not kept included. */
  tally = new Tally();
  bytes = 0;
  /** Keys of tests that have changed since they were last asked for. */
  changed = new Set<string>();
  private variants: RunVariant[] = [{ name: undefined, tally: new Tally() }];
  private list: Test[] = [];
  private index = new Map<string, Places>();
  private places = new Map<string, number>();
  /** Each test that is not kept, by its hash, so that it is counted once. */
  private marks = new Map<number, string>();
  /** The producers of the tests. */
  private producers = new Set<string>();
  /** Which of these another state has as well: they are copied before they change. */
  private shares = { list: false, index: false, names: false, marks: false };

  /** As they were shown. */
  static from(shown: readonly ShownTest[], resume: Resume | undefined): Tests {
    const tests = new Tests();
    for (const name of resume?.variants ?? []) if (name !== '') tests.variantPlace(name);
    for (const id of resume?.testProducers ?? []) tests.producers.add(id);
    for (const one of shown) {
      const place = one.variant === undefined ? NO_VARIANT : (tests.variantPlace(one.variant) ?? NO_VARIANT);
      tests.push(Test.from(one, place));
    }
    for (const [at, one] of shown.entries()) if (one.resume?.last === true) tests.isLast(one.testId, at);
    for (const [mark, hashes] of Object.entries(resume?.omitted ?? {})) {
      for (const hash of hashes) tests.marks.set(hash, mark);
      const [status, outcome] = mark.split(' ') as [TestStatus, TestOutcome | undefined];
      for (let count = hashes.length; count > 0; count -= 1) tests.tally.add(status, outcome, 1);
    }
    return tests;
  }

  /** Another state that is the same now. Everything is shared until it changes. */
  fork(): Tests {
    const copy = new Tests();
    copy.tally = new Tally(this.tally);
    copy.bytes = this.bytes;
    copy.variants = this.variants.map(({ name, tally }) => ({ name, tally: new Tally(tally) }));
    [copy.list, copy.index, copy.places] = [this.list, this.index, this.places];
    [copy.marks, copy.producers] = [this.marks, this.producers];
    for (const one of [this, copy]) one.shares = { list: true, index: true, names: true, marks: true };
    return copy;
  }

  /** Changes the test with this id, which is added if it is new; whether it is kept. `variant`: the one that the event
   * belongs to; undefined: that of the test with this id that was told of last. */
  change(variant: string | undefined, id: string, change: (test: Test, hasRoom: boolean) => void): boolean {
    const at = this.find(variant, id);
    const before = at === undefined ? undefined : this.list[at];
    if (at === undefined || before === undefined) return false;
    const after = before.copy();
    change(after, this.bytes < MAX_BYTES);
    this.bytes += after.heldBytes() - before.heldBytes();
    this.put(at, after, before);
    return true;
  }

  /** Counts a test that is not kept under what was told of it last; nothing if it is kept, or its id is no id. */
  count(variant: string | undefined, id: string, status: TestStatus, outcome: TestOutcome | undefined): void {
    const hash = testHash(variant, id);
    const known = this.marks.get(hash);
    if (known === undefined) return;
    const [before, was] = known.split(' ') as [TestStatus, TestOutcome | undefined];
    this.tally.add(before, was, -1);
    this.tally.add(status, outcome, 1);
    this.ownMarks().set(hash, outcome === undefined ? status : `${status} ${outcome}`);
  }

  /** The producer with this id; undefined for what is no id, or one of too many. */
  producer(id: string): string | undefined {
    if (this.producers.has(id)) return id;
    if (id === '' || !fits(id, MAX_ID_BYTES) || this.producers.size >= MAX_PRODUCERS) return undefined;
    this.ownNames();
    this.producers.add(id);
    return id;
  }

  /** Those that are kept. */
  kept(): readonly Test[] {
    return this.list;
  }

  /** How many are not kept. */
  get omitted(): number {
    return this.marks.size;
  }

  /** The test of a key. */
  get(key: string): Test | undefined {
    const named = ofKey(key);
    const place = named?.variant === undefined ? NO_VARIANT : this.places.get(named.variant);
    if (named === undefined || place === undefined) return undefined;
    return this.placesOf(named.testId).map((at) => this.list[at]).find((test) => test?.place === place);
  }

  variantOf(test: Test): string | undefined {
    return this.variants[test.place]?.name;
  }

  keyOf(test: Test): string {
    return keyOf(this.variantOf(test), test.id);
  }

  /** The key of the test with this id. `variant`: the one that an event belongs to; undefined: that which was told of last. */
  keyFor(variant: string | undefined, id: string): string {
    const last = variant === undefined ? this.placesOf(id).at(-1) : undefined;
    const test = last === undefined ? undefined : this.list[last];
    return test === undefined ? keyOf(variant, id) : this.keyOf(test);
  }

  /** The variants that have tests. */
  variantsWithTests(): readonly RunVariant[] {
    return this.variants.filter(({ tally }) => tally.size > 0);
  }

  private placesOf(id: string): readonly number[] {
    const places = this.index.get(id);
    return places === undefined ? [] : typeof places === 'number' ? [places] : places;
  }

  /** Where the test is; undefined if it is only counted, or the id is invalid. */
  private find(named: string | undefined, id: string): number | undefined {
    if (id === '' || !fits(id, MAX_TEST_ID_BYTES)) return undefined;
    const variant = named !== undefined && isVariant(named) ? named : undefined;
    const places = this.placesOf(id);
    const last = places[places.length - 1];
    if (last === undefined) return this.add(variant, id);
    if (variant === undefined) return last;
    const known = this.places.get(variant);
    const found = known === undefined ? undefined : places.find((at) => this.list[at]?.place === known);
    if (found !== undefined) {
      if (found !== last) this.isLast(id, found);
      return found;
    }
    // One that was only planned, by nobody in particular, is of the first who tells of it.
    const test = this.list[last];
    const place = this.variantPlace(variant);
    const isFree = test !== undefined && test.place === NO_VARIANT && !test.isTold;
    return isFree && place !== undefined ? this.give(last, test, place) : this.add(variant, id);
  }

  /** Of the tests with this id, the one at this place was told of last. */
  private isLast(id: string, at: number): void {
    const others = this.placesOf(id).filter((place) => place !== at);
    if (others.length > 0) this.ownIndex().set(id, [...others, at]);
  }

  /** Gives a test to a variant. */
  private give(at: number, test: Test, place: number): number {
    this.changed.add(this.keyOf(test));
    this.variants[test.place]?.tally.add(test.status, test.outcome(), -1);
    this.variants[place]?.tally.add(test.status, test.outcome(), 1);
    const given = test.copy(place);
    this.ownList()[at] = given;
    this.changed.add(this.keyOf(given));
    return at;
  }

  /** The place of a variant, which is added if it is new; undefined if there are too many. */
  private variantPlace(name: string): number | undefined {
    const known = this.places.get(name);
    if (known !== undefined) return known;
    const place = this.variants.length;
    if (place > MAX_VARIANTS) return undefined;
    this.ownNames();
    this.places.set(name, place);
    this.variants.push({ name, tally: new Tally() });
    return place;
  }

  private add(variant: string | undefined, id: string): number | undefined {
    const place = variant === undefined ? NO_VARIANT : this.variantPlace(variant);
    if (place === undefined || this.list.length >= MAX_TESTS || this.bytes >= MAX_BYTES) return this.omit(variant, id);
    const test = new Test(id, place);
    const last = this.placesOf(id).at(-1);
    test.plan = (last === undefined ? undefined : this.list[last]?.plan) ?? NO_PLAN;
    this.changed.add(this.keyOf(test));
    return this.push(test);
  }

  /** Adds a test: of those with its id it was told of last. */
  private push(test: Test): number {
    const at = this.list.length;
    this.ownList().push(test);
    const known = this.index.get(test.id);
    this.ownIndex().set(test.id, known === undefined ? at : [...this.placesOf(test.id), at]);
    this.bytes += test.heldBytes();
    for (const tally of [this.tally, this.variants[test.place]?.tally]) tally?.add(test.status, test.outcome(), 1);
    return at;
  }

  private put(at: number, test: Test, before: Test): void {
    this.ownList()[at] = test;
    this.changed.add(this.keyOf(test));
    const [status, outcome, was] = [test.status, test.outcome(), before.outcome()];
    if (status === before.status && outcome === was) return;
    for (const tally of [this.tally, this.variants[test.place]?.tally]) {
      tally?.add(before.status, was, -1);
      tally?.add(status, outcome, 1);
    }
  }

  /** Counts a test that is not kept. */
  private omit(variant: string | undefined, id: string): undefined {
    const hash = testHash(variant, id);
    const unnamed = testHash(undefined, id);
    if (this.marks.has(hash)) return;
    if (this.marks.get(unnamed) === PLANNED) {
      // As for those that are kept.
      this.ownMarks().delete(unnamed);
      this.ownMarks().set(hash, PLANNED);
    } else if (this.marks.size < MAX_OMITTED) {
      this.ownMarks().set(hash, PLANNED);
      this.tally.add('pending', undefined, 1);
    }
  }

  private ownList(): Test[] {
    if (this.shares.list) [this.list, this.shares.list] = [this.list.slice(), false];
    return this.list;
  }

  private ownIndex(): Map<string, Places> {
    if (this.shares.index) [this.index, this.shares.index] = [new Map(this.index), false];
    return this.index;
  }

  private ownMarks(): Map<number, string> {
    if (this.shares.marks) [this.marks, this.shares.marks] = [new Map(this.marks), false];
    return this.marks;
  }

  private ownNames(): void {
    if (!this.shares.names) return;
    [this.places, this.producers] = [new Map(this.places), new Set(this.producers)];
    this.shares.names = false;
  }
}
