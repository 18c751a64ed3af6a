/**
 * A shorter form of an event's JSON that has at most `maxChars` characters: its long strings are cut, and if that is
 * not enough its long lists and objects, so that it still says what it said. `shortened` says that the latter has
 * happened. An event that can't be cut so far becomes a `log` event that names it.
 */
export declare function shortened(text: string, maxChars: number, reason: string): string;
