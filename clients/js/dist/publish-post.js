import { send } from './context.js';
import { apiError } from './errors.js';
import { utf8Length } from './publish-queue.js';
/** Longest time without any progress of a post, in milliseconds. */
const TIMEOUT_MS = 30_000;
/** The answer is not one of runcast's: something in between has answered. */
export class ForeignAnswer extends Error {
    name = 'ForeignAnswer';
}
/** Posts events once. Throws `ApiError` and `ForeignAnswer`, and what the transport throws. */
export async function postEvents(context, post) {
    const text = `${post.lines.join('\n')}\n`;
    const headers = {
        'content-type': 'application/x-ndjson',
        'runcast-producer': post.producer,
        'runcast-producer-seq': String(post.seq),
    };
    if (post.skips)
        headers['runcast-producer-gap'] = 'accept';
    if (post.commandsAfter !== undefined)
        headers['runcast-commands-after'] = post.commandsAfter;
    let body = text;
    if (text.length >= post.gzipOver && typeof CompressionStream === 'function') {
        body = await gzipped(text);
        headers['content-encoding'] = 'gzip';
    }
    const { path, signal } = post;
    const response = await send(context, { method: 'POST', path, headers, body, signal, timeoutMs: TIMEOUT_MS });
    if (response.status < 200 || response.status > 299)
        throw await apiError(response);
    try {
        const answer = JSON.parse(new TextDecoder().decode(await response.bytes()));
        if (typeof answer.stored === 'number' && typeof answer.duplicates === 'number')
            return answer;
    }
    catch (error) {
        if (!(error instanceof SyntaxError))
            throw error;
    }
    throw new ForeignAnswer(`${context.baseUrls.current} answers, but not as runcast does: check the URL`);
}
async function gzipped(text) {
    const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}
/** What is to be done after this refusal of a post with these lines. */
export function remedy(error, lines) {
    const { status, code, members } = error;
    const index = typeof members['index'] === 'number' && members['index'] < lines.length ? members['index'] : undefined;
    if (code === 'run_sealed' || code === 'run_gone')
        return { do: 'end' };
    if (code === 'run_full')
        return { do: 'full' };
    if (code === 'producer_gap' && typeof members['expected'] === 'number') {
        return { do: 'rewind', expected: members['expected'] };
    }
    if (code === 'unsupported_encoding' || code === 'invalid_encoding')
        return { do: 'plain' };
    if (status === 413) {
        // A proxy in front of the server may refuse the size, too, in words of its own.
        if (index !== undefined || lines.length === 1)
            return { do: 'shorten', index: index ?? 0 };
        const bodyBytes = lines.reduce((sum, line) => sum + utf8Length(line) + 1, 0);
        return { do: 'split', by: code === 'too_many_events' ? 'events' : 'bytes', bodyBytes };
    }
    if (status === 400 && index !== undefined)
        return { do: 'refuse', index };
    return { do: 'again' };
}
