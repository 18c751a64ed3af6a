import { appendFileSync } from 'node:fs';
/** Adds text to a file, at once: the process may be about to end. */
export const appendText = (file, text) => {
    appendFileSync(file, text, { mode: 0o600 });
};
