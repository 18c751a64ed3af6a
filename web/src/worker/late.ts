/** How the worker gets what is not needed to say how the run is. */

/** What is loaded late. */
export type Later = typeof import('./later.js');

/** Loads it. Rejects when it did not come; it can be loaded again then. */
export function loadLater(): Promise<Later> {
  return import('./later.js').catch((error: Error) => {
    const hint = 'if the server was replaced by another version, load the page again';
    throw new Error(`a part of the page did not come (${error.message}); ${hint}`);
  });
}
