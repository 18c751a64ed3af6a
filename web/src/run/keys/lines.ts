/** The lines of the list of keys. */
import type { Binding } from './match.js';

const GROUPS = ['Tests', 'Screen', 'Steering', 'Log', 'Time', 'Page'] as const;
const NAMES: Record<string, string> = { Escape: 'Esc', ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→' };

export interface Lines {
  group: string;
  lines: { keys: string[]; says: string }[];
}

/**
 * What is bound, by heading, but for what others have bound anew. Keys that do the same stand in one line, each once;
 * from four on, only the first and the last.
 */
export function linesOf(bindings: readonly Binding[]): Lines[] {
  const listed = bindings.filter(
    (one, at) => !bindings.some((later, is) => is > at && later.key === one.key && !later.when),
  );
  return GROUPS.map((group) => {
    const lines = new Map<string, string[]>();
    for (const { key, says, group: own = 'Page' } of listed) {
      if (own !== group) continue;
      const keys = lines.get(says) ?? [];
      const name = NAMES[key] ?? key;
      if (!keys.includes(name)) keys.push(name);
      lines.set(says, keys);
    }
    return {
      group,
      lines: [...lines].map(([says, keys]) => ({ says, keys: keys.length > 3 ? [keys[0]!, '…', keys.at(-1)!] : keys })),
    };
  }).filter(({ lines }) => lines.length > 0);
}
