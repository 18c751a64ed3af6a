/** Adds text to a file, which is made with its directory, at once: the process may be about to end. */
export declare const appendText: ((file: string, text: string) => void) | undefined;
