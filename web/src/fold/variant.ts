/** The variants of a run: the rule by which a producer's is counted. */
import { fits } from './space.js';

/** Most bytes of a variant as producers announce it. */
export const MAX_VARIANT_BYTES = 512;

/** The variant of a producer. */
export interface Variant {
  /** As it was announced. */
  readonly announced: string;
  /** As it is counted. */
  readonly name: string;
  /** The producer runs a shard of it. */
  readonly hasShard: boolean;
}

/** Whether a text may be the name of a variant. */
export function isVariant(name: string): boolean {
  return name !== '' && fits(name, MAX_VARIANT_BYTES);
}

/**
 * The variant of a producer that joins. `before`: what it had when it joined before; `others`: those of the run's other
 * producers, by their ids, and whether each lives. Undefined if it announced none.
 */
export function variantOfJoining(
  announced: string | undefined,
  hasShard: boolean,
  before: Variant | undefined,
  others: readonly { variant: Variant; lives: boolean }[],
): Variant | undefined {
  if (announced === undefined || !isVariant(announced)) return undefined;
  const isSame = (other: Variant) => other.announced === announced && other.hasShard === hasShard;
  // Shards of one variant share its name.
  const isOurs = ({ variant }: { variant: Variant }) => hasShard && isSame(variant);
  const taken = new Set(others.filter((other) => !isOurs(other) && other.lives).map(({ variant }) => variant.name));
  const known = others.filter(isOurs).map(({ variant }) => variant);
  if (before !== undefined && isSame(before)) known.push(before);
  const kept = known.find(({ name }) => !taken.has(name));
  return { announced, name: kept?.name ?? firstFree(announced, taken), hasShard };
}

/** The variant of an event. `own`: as the event names it. */
export function variantOfEvent(variant: Variant, own: string | undefined): string {
  return own !== undefined && own !== variant.announced ? own : variant.name;
}

function firstFree(announced: string, taken: ReadonlySet<string>): string {
  if (!taken.has(announced)) return announced;
  for (let number = 2; ; number += 1) {
    if (!taken.has(`${announced}#${number}`)) return `${announced}#${number}`;
  }
}
