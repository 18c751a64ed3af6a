/** Opens a file; here there are none. */
export const openFile = undefined;
