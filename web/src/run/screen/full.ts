/** The screen, or the wall, on all of the display. */
import { signal } from '@preact/signals';

export const isFull = signal(false);

document.addEventListener('fullscreenchange', () => (isFull.value = document.fullscreenElement !== null));

/** Begins or ends it. A browser that has none, as on some phones, shows the page as it is. */
export function toggleFull(): void {
  const end = document.fullscreenElement !== null;
  const target = document.querySelector('[data-full]');
  void (end ? document.exitFullscreen?.() : target?.requestFullscreen?.())?.catch(() => {});
}
