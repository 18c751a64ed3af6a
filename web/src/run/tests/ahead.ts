/**
 * Finds a row by the first letters of its text. A letter that is a key of the page does what that key does; once a
 * word has begun, all letters belong to it, until nothing was typed for a while.
 */

/** How long a word waits for its next letter, in milliseconds. */
const WORD_MS = 700;

export function typeAhead() {
  let word = '';
  let last = 0;
  return {
    /** The row that is meant; null: no row begins so; undefined: the key is none of a word. */
    press(
      key: string,
      now: number,
      bound: boolean,
      rows: number,
      at: number,
      textOf: (row: number) => string,
    ): number | null | undefined {
      if ([...key].length !== 1) return undefined;
      if (now - last > WORD_MS) word = '';
      if (word === '' && (bound || key === ' ')) return undefined;
      last = now;
      word += key.toLowerCase();
      const letters = new Set(word);
      const wanted = letters.size === 1 ? key.toLowerCase() : word;
      const from = wanted.length > 1 ? at : at + 1; // the same letter again: the next one
      for (let step = 0; step < rows; step += 1) {
        const row = (from + step) % rows;
        if (textOf(row).toLowerCase().startsWith(wanted)) return row;
      }
      return null;
    },
  };
}
