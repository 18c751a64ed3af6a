/** Which workers have a tab. Pure. */
import type { Slot } from '../../model.js';

/** More tabs than these are not drawn: the wall shows the others. */
export const MAX_TABS = 64;

/** The tabs in their order: if there are too many workers, those that run a test, and the one on screen. */
export function tabsOf(slots: readonly Slot[], shown: string | null, max: number): { tabs: Slot[]; more: number } {
  if (slots.length <= max) return { tabs: [...slots], more: 0 };
  const wanted = new Set<Slot>();
  for (const slot of slots) if (slot.stream === shown) wanted.add(slot);
  for (const slot of slots) if (slot.running && wanted.size < max) wanted.add(slot);
  for (const slot of slots) if (wanted.size < max) wanted.add(slot);
  return { tabs: slots.filter((slot) => wanted.has(slot)), more: slots.length - wanted.size };
}
