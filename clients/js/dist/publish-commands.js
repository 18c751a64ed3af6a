import { Backoff, sleep } from './backoff.js';
import { callJson, runPath } from './context.js';
import { ApiError } from './errors.js';
import { quietSleep } from './publish-exit.js';
/** How long the server holds a question for commands, in seconds. */
const WAIT_SECS = 25;
/** Longest time without any progress of such a question, in milliseconds. */
const TIMEOUT_MS = (WAIT_SECS + 15) * 1000;
/** Commands that are remembered, so that none comes twice. */
const REMEMBERED = 2_000;
/** What is wanted of a producer: from the answers to its posts, and from questions for it. */
export class Commands {
    context;
    runId;
    producer;
    target;
    /** The last command that has been handed on. */
    after;
    claims = new Map();
    #seen = new Set();
    #tag;
    #polling;
    #wanted = false;
    #exists = false;
    constructor(context, runId, producer, target) {
        this.context = context;
        this.runId = runId;
        this.producer = producer;
        this.target = target;
    }
    /** Whether commands are asked for also while nothing is posted. */
    want(wanted) {
        this.#wanted = wanted;
        if (!wanted)
            this.#polling?.abort();
        else if (this.#exists && this.#polling === undefined)
            void this.#poll();
    }
    /** Takes what the answer to a post or frame says. */
    answered(answer) {
        this.#hints(answer.hints);
        this.#take(answer.commands ?? [], answer.commandsCursor, answer.commandsReset);
        if (answer.stored === undefined)
            return;
        this.#exists = true;
        if (this.#wanted)
            this.want(true);
        else if (answer.moreCommands === true)
            void this.#ask(0).catch(() => { });
    }
    /**
     * Claims an act, for this producer alone. Undefined: another one has it, or it is too late. Repeats the request until
     * the server answers.
     */
    async claim(commandId, signal) {
        const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0'));
        const headers = { 'runcast-producer': this.producer, 'runcast-claim-key': key.join('') };
        const path = `${runPath(this.runId)}/commands/${encodeURIComponent(commandId)}/claim`;
        const backoff = new Backoff();
        for (;;) {
            let pause = 0;
            try {
                const request = { method: 'POST', path, headers, ...(signal && { signal }) };
                const claim = await callJson(this.context, request);
                this.claims.set(commandId, claim.claim);
                for (const old of this.claims.keys())
                    if (this.claims.size > REMEMBERED)
                        this.claims.delete(old);
                return claim;
            }
            catch (error) {
                if (signal?.aborted === true)
                    throw error;
                if (error instanceof ApiError) {
                    if (error.code === 'command_claimed' || error.code === 'command_expired')
                        return undefined;
                    if (!error.passing)
                        throw error;
                    pause = error.retryAfterMs ?? 0;
                }
            }
            await sleep(backoff.next(pause), signal);
        }
    }
    async #poll() {
        const polling = new AbortController();
        this.#polling = polling;
        const backoff = new Backoff();
        while (!polling.signal.aborted) {
            try {
                const began = Date.now();
                const news = await this.#ask(WAIT_SECS, polling.signal);
                backoff.reset();
                // A node that drains answers early.
                if (!news && Date.now() - began < 1000)
                    await quietSleep(1000, polling.signal);
            }
            catch (error) {
                if (polling.signal.aborted)
                    break;
                if (error instanceof ApiError && (error.code === 'run_gone' || error.status === 403))
                    break;
                const pause = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
                await quietSleep(backoff.next(pause), polling.signal);
            }
        }
        this.#polling = undefined;
        if (polling.signal.aborted && this.#wanted)
            void this.#poll();
    }
    /** Asks once; resolves to whether there was anything new. */
    async #ask(wait, signal) {
        const query = new URLSearchParams({ wait: String(wait) });
        if (this.after !== undefined)
            query.set('after', this.after);
        if (this.#tag !== undefined)
            query.set('hints', this.#tag);
        const answer = await callJson(this.context, {
            method: 'GET',
            path: `${runPath(this.runId)}/commands?${query.toString()}`,
            headers: { 'runcast-producer': this.producer },
            timeoutMs: TIMEOUT_MS,
            background: true,
            ...(signal && { signal }),
        });
        const tag = this.#tag;
        this.#hints(answer.hints);
        this.#take(answer.commands, answer.cursor, answer.reset);
        return answer.commands.length > 0 || answer.reset === true || tag !== this.#tag;
    }
    #hints(hints) {
        if (hints === undefined || hints.tag === this.#tag)
            return;
        this.#tag = hints.tag;
        this.target.hints(hints);
    }
    /** Hands on what is new, and goes on from `cursor`. */
    #take(commands, cursor, reset = false) {
        for (const command of commands) {
            const key = keyOf(command.event, command.cursor);
            if (this.#seen.has(key))
                continue;
            this.#seen.add(key);
            this.target.command(command);
        }
        for (const old of this.#seen) {
            if (this.#seen.size <= REMEMBERED)
                break;
            this.#seen.delete(old);
        }
        if (cursor !== undefined && (reset || isBehind(this.after, cursor)))
            this.after = cursor;
    }
}
function keyOf(event, cursor) {
    return `${event.type} ${event.commandId ?? event['askId'] ?? cursor}`;
}
/** Whether a cursor is older than another one of the same epoch, or of another epoch. */
function isBehind(old, cursor) {
    if (old === undefined)
        return true;
    const [oldEpoch, oldSeq] = old.split(':');
    const [epoch, seq] = cursor.split(':');
    return oldEpoch !== epoch || Number(seq) > Number(oldSeq);
}
