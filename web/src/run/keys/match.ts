/** Whose a key is. */

/** A key, and what it does. */
export interface Binding {
  /** As `KeyboardEvent.key` has it: `f`, `F`, `?`, `Escape`, `F8`; `Space`; with Control or Command `Ctrl+F`. */
  key: string;
  /** What it does, for the list of keys: `next failure`. Keys that say the same share a line there. */
  says: string;
  /** Whether it does anything now. */
  when?: () => boolean;
  run: (event: KeyboardEvent) => void;
  /** It does it again and again while it is held down. */
  repeats?: boolean;
  /** The heading in the list. */
  group?: 'Tests' | 'Time' | 'Log' | 'Screen' | 'Steering' | 'Page';
}

/** What of a keyboard event decides. */
export type Pressed = Pick<
  KeyboardEvent,
  | 'key'
  | 'code'
  | 'ctrlKey'
  | 'metaKey'
  | 'altKey'
  | 'shiftKey'
  | 'repeat'
  | 'isComposing'
  | 'defaultPrevented'
  | 'target'
>;

/** Whom a key press is for; null: for the browser, or for what has focus. Of several the newest that is wanted. */
export function bindingFor(event: Pressed, bindings: readonly Binding[], singleKeys: boolean): Binding | null {
  if (event.defaultPrevented || event.isComposing) return null;
  const key = nameOf(event);
  if (key === null) return null;
  const modified = key.startsWith('Ctrl+');
  if (!modified && isField(event.target)) return null;
  if (!singleKeys && [...key].length === 1) return null;
  if ((key === 'Space' || key === 'Enter') && isControl(event.target)) return null;
  for (let at = bindings.length - 1; at >= 0; at -= 1) {
    const binding = bindings[at];
    if (binding === undefined || binding.key !== key) continue;
    if (event.repeat && !binding.repeats) continue;
    if (binding.when === undefined || binding.when()) return binding;
  }
  return null;
}

/** The name of what was pressed; null: no key that may be bound. */
function nameOf(event: Pressed): string | null {
  if (event.altKey) return null;
  const key = latin(event);
  if (event.ctrlKey || event.metaKey) return event.shiftKey || key.length !== 1 ? null : `Ctrl+${key.toUpperCase()}`;
  return key === ' ' ? 'Space' : key;
}

/** The letter, or that of the same key where the layout has other letters. */
function latin({ key, code, shiftKey }: Pressed): string {
  if (key.length !== 1 || key <= '\u007f' || !/^Key[A-Z]$/.test(code)) return key;
  const letter = code.slice(3);
  return shiftKey ? letter : letter.toLowerCase();
}

const BUTTONS = new Set(['button', 'checkbox', 'color', 'file', 'image', 'radio', 'range', 'reset', 'submit']);

function isField(target: unknown): boolean {
  const { tagName, isContentEditable, type } = (target ?? {}) as {
    tagName?: string;
    isContentEditable?: boolean;
    type?: string;
  };
  if (isContentEditable || tagName === 'TEXTAREA' || tagName === 'SELECT') return true;
  return tagName === 'INPUT' && !BUTTONS.has(type ?? 'text');
}

function isControl(target: unknown): boolean {
  const { closest } = (target ?? {}) as { closest?: unknown };
  if (typeof closest !== 'function') return false;
  return (target as Element).closest('a[href],button,summary,input,[role=button],[role=switch],[role=tab]') !== null;
}
