/** Adds text to a file; here there are none. */
export const appendText = undefined;
