/** Longest strings, in characters, to which an event's are cut until it fits. */
const CUTS = [16_384, 4_096, 1_024, 256];
/**
 * A shorter form of an event's JSON that has at most `maxChars` characters: its long strings are cut, so that it still
 * says what it said. An event that can't be cut so far becomes a `log` event that names it.
 */
export function shortened(text, maxChars, reason) {
    const event = JSON.parse(text);
    for (const most of CUTS) {
        const cut = JSON.stringify(event, (_, value) => (typeof value === 'string' ? cutTo(value, most) : value));
        if (cut.length <= maxChars)
            return cut;
    }
    const named = (name) => (typeof event[name] === 'string' ? { [name]: cutTo(event[name], 256) } : {});
    return JSON.stringify({
        type: 'log',
        ...named('timestamp'),
        ...named('testId'),
        text: `An event of type ${cutTo(String(event['type']), 64)} with ${text.length} characters was left out: ${reason}`,
        data: { head: cutTo(text, 256), characters: text.length, reason: cutTo(reason, 256) },
    });
}
function cutTo(text, most) {
    if (text.length <= most)
        return text;
    return `${text.slice(0, most).replace(/[\ud800-\udbff]$/, '')}… (${text.length - most} characters more)`;
}
