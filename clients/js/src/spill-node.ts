import { appendFileSync, statSync, truncateSync, unlinkSync } from 'node:fs';

/** Adds text to a file, at once: the process may be about to end. */
export const appendText: ((file: string, text: string) => void) | undefined = (file, text) => {
  appendFileSync(file, text, { mode: 0o600 });
};

/** The file's length in bytes; 0 if it is not there. */
export function lengthOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Takes away what was added to a file since it had this length. */
export function cutTo(file: string, length: number): void {
  try {
    if (length > 0) truncateSync(file, length);
    else unlinkSync(file);
  } catch {
    // Then a part of it stays.
  }
}
