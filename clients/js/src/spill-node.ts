import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Adds text to a file, which is made with its directory, at once: the process may be about to end. */
export const appendText: ((file: string, text: string) => void) | undefined = (file, text) => {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, text, { mode: 0o600 });
};
