/** Adds text to a file; here there are none. */
export declare const appendText: ((file: string, text: string) => void) | undefined;
export declare function lengthOf(): number;
export declare function cutTo(): void;
