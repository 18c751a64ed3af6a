/**
 * The keys of the page. Parts bind theirs ({@link bind}); one handler finds whose a key is. Keys rest while one writes
 * in a field, and with modifiers; keys that are a single character can be turned off (WCAG 2.1.4).
 */
import { signal } from '@preact/signals';

import { keep, setting } from '../../ui/who.js';
import { bindingFor, type Binding } from './match.js';

export type { Binding } from './match.js';

/** All that is bound, the oldest first: read it together with {@link keysVersion}. */
const bindings: Binding[] = [];
/** Grows when a key was bound or let go. */
export const keysVersion = signal(0);
/** Whether keys that are a single character do something. */
export const singleKeys = signal(setting('runcast-keys') !== 'off');
/** Whether the list of keys, and the settings of the page, are in sight. */
export const listOpen = signal(false);

/** What is bound now. */
export function bound(): readonly Binding[] {
  void keysVersion.value;
  return bindings;
}

/**
 * Binds a key. Of several for one key the newest that is wanted has it. Returns what lets it go: `useEffect(() =>
 * bind(…), [])`.
 */
export function bind(binding: Binding): () => void {
  bindings.push(binding);
  keysVersion.value = keysVersion.peek() + 1;
  return () => {
    const at = bindings.indexOf(binding);
    if (at >= 0) bindings.splice(at, 1);
    keysVersion.value = keysVersion.peek() + 1;
  };
}

/** Whether a key, as `KeyboardEvent.key` has it, does something now. */
export function isBound(key: string): boolean {
  return singleKeys.peek() && bindings.some((one) => one.key === key && (one.when === undefined || one.when()));
}

/** Turns keys of a single character on or off, and keeps that. */
export function setSingleKeys(on: boolean): void {
  singleKeys.value = on;
  keep('runcast-keys', on ? 'on' : 'off');
}

/** Starts to listen. Returns what ends it. */
export function listen(): () => void {
  const press = (event: KeyboardEvent) => {
    const binding = bindingFor(event, bindings, singleKeys.peek());
    if (binding === null) return;
    event.preventDefault();
    binding.run(event);
  };
  addEventListener('keydown', press);
  return () => removeEventListener('keydown', press);
}
