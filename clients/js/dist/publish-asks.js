import { setQuietTimeout } from './publish-exit.js';
/** How long the server lets a question wait, in seconds. */
const EXPIRES_SECS = 300;
/** How much longer it is waited for whether the server says so, in milliseconds. */
const GRACE_MS = 30_000;
/** The questions of a producer that wait for an answer. */
export class Asks {
    port;
    #open = new Map();
    constructor(port) {
        this.port = port;
    }
    /** Asks; resolves when it is answered or has expired. */
    async ask(askId, question, signal) {
        signal?.throwIfAborted();
        if (this.#open.has(askId))
            throw new TypeError(`the question ${askId} is being asked`);
        let timer;
        const answered = new Promise((resolve, reject) => {
            const setDeadline = (ms) => {
                clearTimeout(timer);
                timer = setQuietTimeout(() => resolve(expired(question)), ms + GRACE_MS);
            };
            this.#open.set(askId, { question, resolve, reject, setDeadline });
            setDeadline((question.expiresInSecs ?? EXPIRES_SECS) * 1000);
        });
        const aborted = () => this.#open.get(askId)?.reject(signal?.reason);
        signal?.addEventListener('abort', aborted, { once: true });
        this.port.want(true);
        try {
            this.port.emit({ ...question, type: 'ai_stuck', askId });
            return await answered;
        }
        finally {
            clearTimeout(timer);
            signal?.removeEventListener('abort', aborted);
            this.#open.delete(askId);
            if (this.#open.size === 0)
                this.port.want(false);
        }
    }
    /** An event of the log that may be about a question. */
    event(event) {
        const askId = event['askId'];
        const ask = typeof askId === 'string' ? this.#open.get(askId) : undefined;
        if (ask === undefined)
            return;
        switch (event.type) {
            case 'ask_answered':
                void this.#answered(ask, event);
                break;
            case 'ask_expired':
                ask.resolve({ ...expired(ask.question), ...picked(event, ['action', 'value']), event });
                break;
            case 'ask_extended':
            case 'ask_reopened': {
                const until = Date.parse(String(event['expiresAt']));
                const at = Date.parse(String(event['at']));
                if (until > at)
                    ask.setDeadline(until - at);
            }
        }
    }
    /** The server did not open a question. */
    refused(askId, reason) {
        this.#open.get(askId)?.reject(reason);
    }
    /** Nothing is going to be answered any more. */
    end(reason) {
        for (const ask of this.#open.values())
            ask.reject(reason);
    }
    async #answered(ask, event) {
        const resolution = String(event['resolution'] ?? 'answered');
        const answer = { resolution, ...picked(event, ['value', 'candidateId', 'point']), event };
        const { commandId } = event;
        if (event['secret'] !== true || commandId === undefined)
            return ask.resolve(answer);
        try {
            const claim = await this.port.claim(commandId);
            if (claim?.secret === undefined)
                return;
            ask.resolve({ ...answer, value: claim.secret });
            this.port.report(commandId, 'done');
        }
        catch (error) {
            ask.reject(error);
        }
    }
}
function expired({ onTimeout }) {
    return { resolution: 'expired', ...(onTimeout && picked(onTimeout, ['action', 'value'])) };
}
function picked(from, names) {
    return Object.fromEntries(names.filter((name) => from[name] != null).map((name) => [name, from[name]]));
}
