/** Adds text to a file; here there are none. */
export const appendText = undefined;
export function lengthOf() {
    return 0;
}
export function cutTo() { }
