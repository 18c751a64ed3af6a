/** Adds text to a file, at once: the process may be about to end. */
export declare const appendText: ((file: string, text: string) => void) | undefined;
/** The file's length in bytes; 0 if it is not there. */
export declare function lengthOf(file: string): number;
/** Takes away what was added to a file since it had this length. */
export declare function cutTo(file: string, length: number): void;
