import { Backoff } from './backoff.js';
import { runPath, send } from './context.js';
import { apiError } from './errors.js';
/** Most streams of a run. */
const MAX_STREAMS = 64;
/** Most frames that are on their way at a time. */
const MAX_IN_FLIGHT = 4;
/** Longest time without any progress of a frame, in milliseconds: a later one is worth more. */
const TIMEOUT_MS = 5_000;
/** The screens of a producer. The newest frame of a stream wins; none is repeated. */
export class Frames {
    context;
    runId;
    producer;
    answered;
    sent = 0;
    dropped = 0;
    /** The newest frame of each stream that waits. */
    #waiting = new Map();
    #inFlight = new Set();
    #backoff = new Backoff(1_000, 10_000);
    #quietUntil = 0;
    #closed = new AbortController();
    constructor(context, runId, producer, answered) {
        this.context = context;
        this.runId = runId;
        this.producer = producer;
        this.answered = answered;
    }
    /** Shows a frame. One that waits in the stream gives way to it. */
    show(stream, frame) {
        const isNew = !this.#waiting.has(stream);
        if (this.#closed.signal.aborted || Date.now() < this.#quietUntil || (isNew && this.#waiting.size >= MAX_STREAMS)) {
            this.dropped += 1;
            return;
        }
        if (!isNew)
            this.dropped += 1;
        this.#waiting.set(stream, frame);
        this.#next();
    }
    close() {
        this.#closed.abort();
        this.#waiting.clear();
    }
    #next() {
        for (const [stream, frame] of this.#waiting) {
            if (this.#inFlight.size >= MAX_IN_FLIGHT)
                return;
            if (this.#inFlight.has(stream))
                continue;
            this.#waiting.delete(stream);
            this.#inFlight.add(stream);
            void this.#send(stream, frame).finally(() => {
                this.#inFlight.delete(stream);
                this.#next();
            });
        }
    }
    async #send(stream, frame) {
        const headers = {
            'content-type': frame.contentType ?? 'image/jpeg',
            'runcast-stream': stream,
            'runcast-producer': this.producer,
        };
        if (frame.width !== undefined)
            headers['runcast-width'] = String(frame.width);
        if (frame.height !== undefined)
            headers['runcast-height'] = String(frame.height);
        if (frame.testId !== undefined)
            headers['runcast-test'] = frame.testId;
        try {
            const response = await send(this.context, {
                method: 'POST',
                path: `${runPath(this.runId)}/frame`,
                headers,
                body: frame.bytes,
                timeoutMs: TIMEOUT_MS,
                background: true,
                signal: this.#closed.signal,
            });
            if (response.status < 200 || response.status > 299)
                throw await apiError(response);
            const answer = JSON.parse(new TextDecoder().decode(await response.bytes()));
            this.sent += 1;
            this.#backoff.reset();
            this.answered({ ...(answer.hints && { hints: answer.hints }) });
        }
        catch {
            // The screen stands still until the server is back; the events tell that it is away.
            this.dropped += 1;
            this.#quietUntil = Date.now() + this.#backoff.next();
        }
    }
}
/** The media type of a batch of parts. */
export const PARTS_TYPE = 'application/vnd.runcast.trace-parts';
/** A batch of parts: for each the length of a JSON header as a big-endian u32, the header, and the bytes. */
export function partsBody(parts) {
    const encoder = new TextEncoder();
    const framed = parts.map(({ entry, offset, bytes }) => ({
        header: encoder.encode(JSON.stringify({ entry, offset, size: bytes.byteLength })),
        bytes,
    }));
    const size = framed.reduce((sum, { header, bytes }) => sum + 4 + header.length + bytes.byteLength, 0);
    const body = new Uint8Array(size);
    const view = new DataView(body.buffer);
    let at = 0;
    for (const { header, bytes } of framed) {
        view.setUint32(at, header.length);
        body.set(header, at + 4);
        body.set(bytes, at + 4 + header.length);
        at += 4 + header.length + bytes.byteLength;
    }
    return body;
}
