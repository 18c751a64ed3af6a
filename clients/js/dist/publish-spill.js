import { appendText } from '#spill';
/** Bytes that are written at a time. */
const CHUNK = 1024 * 1024;
/**
 * Adds events to a file, for `runcast publish` to post them later under their numbers. False: there are no files here.
 * Throws what the file system throws.
 */
export function spill(file, header, parts, line) {
    if (appendText === undefined)
        return false;
    let next;
    let text = '';
    for (const { first, events } of parts) {
        if (first !== next)
            text += `${JSON.stringify({ ...header, seq: first })}\n`;
        next = first + events.length;
        for (const event of events) {
            text += `${line(event)}\n`;
            if (text.length < CHUNK)
                continue;
            appendText(file, text);
            text = '';
        }
    }
    if (text !== '')
        appendText(file, text);
    return true;
}
