/** Adds text to a file; here there are none. */
export declare const appendText: ((file: string, text: string) => void) | undefined;
