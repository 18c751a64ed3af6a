/** The workers as dots, where there is no room for tabs. */
import { chosen, shown, workers } from './choice.js';

/** More workers than these are counted. */
const MAX_DOTS = 6;

export function WorkerDots() {
  const all = workers.value;
  const at = all.findIndex(({ stream }) => stream === shown.value?.stream);
  if (all.length < 2) return null;
  const next = all[(at + 1) % all.length];
  if (all.length > MAX_DOTS) {
    return (
      <button type="button" class="dots-count" aria-label={`Worker ${at + 1} of ${all.length}: show the next one`} onClick={() => (chosen.value = next?.stream ?? null)}>
        {at + 1} of {all.length} ›
      </button>
    );
  }
  return (
    <span class="dots" role="group" aria-label="Workers">
      {all.map((slot) => (
        <button
          key={slot.stream}
          type="button"
          class="dot"
          aria-label={`Worker ${slot.label}`}
          aria-pressed={slot.stream === shown.value?.stream}
          onClick={() => (chosen.value = slot.stream)}
        />
      ))}
    </span>
  );
}
