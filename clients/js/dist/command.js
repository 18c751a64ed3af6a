import { Backoff, sleep } from './backoff.js';
import { callJson, runPath } from './context.js';
import { ApiError } from './errors.js';
import { uuid7 } from './uuid7.js';
/** Pauses between two looks at a command, in milliseconds: the first, and the longest. */
const FIRST_LOOK_MS = 100;
const LONGEST_LOOK_MS = 1_000;
/** How long a request is repeated without an answer, in milliseconds. */
const PATIENCE_MS = 60_000;
/** Types whose end is that the run has them. */
const AT_ONCE = new Set(['answer', 'extend', 'withdraw', 'take_control', 'release_control', 'renew_control']);
const OPEN = ['queued', 'accepted'];
/**
 * Gives a command to a run. A request without an answer is repeated with the same id, for a minute, so the command is
 * given once. Throws an `ApiError` with the code of the refusal: `lease_held`, `expectation_failed`, `nobody_obeys`...
 */
export async function command(context, runId, what, options = {}) {
    const given = await give(context, runId, what, options);
    return new CommandHandle(context, runId, given, AT_ONCE.has(what.type), options.signal);
}
/** The same, and the server's answer alone. */
export async function give(context, runId, what, options = {}) {
    const { target, expect, ttlSecs, lease, signal } = options;
    const body = JSON.stringify({
        ...what,
        commandId: options.commandId ?? what.commandId ?? uuid7(),
        ...(target !== undefined && { target: typeof target === 'string' ? { producer: target } : target }),
        ...(expect !== undefined && { expect }),
        ...(ttlSecs !== undefined && { expiresInSecs: ttlSecs }),
        ...(lease !== undefined && { lease }),
    });
    const known = context.clientId === undefined ? '' : `?${new URLSearchParams({ clientId: context.clientId })}`;
    return insist(signal, () => callJson(context, {
        method: 'POST',
        path: `${runPath(runId)}/commands${known}`,
        headers: { 'content-type': 'application/json' },
        body,
        ...(signal && { signal }),
    }));
}
/** Repeats what may pass, for a minute. */
export async function insist(signal, attempt) {
    const until = Date.now() + PATIENCE_MS;
    const backoff = new Backoff();
    for (;;) {
        try {
            return await attempt();
        }
        catch (error) {
            const isRefusal = error instanceof ApiError;
            // A run that has as many commands as it may will not have fewer.
            const isFinal = isRefusal && (!error.passing || (error.status === 429 && error.retryAfterMs === undefined));
            if (signal?.aborted === true || error instanceof SyntaxError || isFinal)
                throw error;
            const pause = backoff.next(isRefusal ? (error.retryAfterMs ?? 0) : 0);
            if (Date.now() + pause > until)
                throw error;
            await sleep(pause, signal);
        }
    }
}
/** A command that was given. Iterating over it yields its statuses up to the last. */
export class CommandHandle {
    /** The command's id. */
    id;
    /** The cursor of the command's event. */
    cursor;
    #context;
    #runId;
    #signal;
    #status;
    #done;
    #isOver;
    #listeners = new Set();
    constructor(context, runId, given, isAtOnce, signal) {
        this.#context = context;
        this.#runId = runId;
        this.#signal = signal;
        this.id = given.commandId;
        this.cursor = given.cursor;
        this.#status = isAtOnce ? 'done' : given.state;
        this.#isOver = isAtOnce;
    }
    /** How far it has come, as was last seen: it is looked at while {@link done} or an iterator is waited for. */
    get status() {
        return this.#status;
    }
    /** Resolves when the command has an end, whatever it is; asking for it begins to follow the command. */
    get done() {
        this.#done ??= this.#isOver ? Promise.resolve({ status: this.#status }) : this.#follow();
        // Whoever iterates is told as well.
        this.#done.catch(() => { });
        return this.#done;
    }
    async *[Symbol.asyncIterator]() {
        const seen = [this.#status];
        let wake = () => { };
        const changed = () => {
            if (seen.at(-1) !== this.#status)
                seen.push(this.#status);
            wake();
        };
        let isOver = false;
        let failure;
        this.#listeners.add(changed);
        this.done
            .catch((error) => (failure = error))
            .finally(() => {
            isOver = true;
            wake();
        });
        try {
            for (let at = 0;;) {
                const next = seen[at];
                if (next !== undefined) {
                    at += 1;
                    yield next;
                }
                else if (isOver) {
                    if (failure !== undefined)
                        throw failure;
                    return;
                }
                else {
                    await new Promise((resolve) => (wake = resolve));
                }
            }
        }
        finally {
            this.#listeners.delete(changed);
        }
    }
    async #follow() {
        const signal = this.#signal;
        for (let pause = FIRST_LOOK_MS;; pause = Math.min(LONGEST_LOOK_MS, pause * 2)) {
            const shown = await this.#look();
            if (shown !== undefined && shown.state !== this.#status) {
                this.#status = shown.state;
                for (const changed of this.#listeners)
                    changed();
            }
            if (!OPEN.includes(this.#status)) {
                const { detail, result, producer } = shown ?? {};
                return {
                    status: this.#status,
                    ...(detail != null && { detail }),
                    ...(result != null && { result }),
                    ...(producer != null && { producer }),
                };
            }
            await sleep(pause, signal);
        }
    }
    /** The command as the run's state shows it; undefined: it has ended too long ago. */
    async #look() {
        const signal = this.#signal;
        const state = await insist(signal, () => callJson(this.#context, {
            method: 'GET',
            path: runPath(this.#runId),
            ...(signal && { signal }),
        }));
        return state.commands?.find(({ commandId }) => commandId === this.id);
    }
}
