import { callJson, runPath } from './context.js';
import { ApiError } from './errors.js';
import { Asks } from './publish-asks.js';
import { Commands } from './publish-commands.js';
import { atExit, keepAlive } from './publish-exit.js';
import { Frames, PARTS_TYPE, partsBody } from './publish-frames.js';
import { Outbox } from './publish-outbox.js';
import { EventQueue, passedAttempt, queued } from './publish-queue.js';
import { Sender } from './publish-sender.js';
import { spill } from './publish-spill.js';
import * as types from './publish-types.js';
import { PublishProblem, QueueFullError } from './publish-types.js';
import { uuid7 } from './uuid7.js';
/** Types of events that go at once: somebody waits for them. */
const URGENT = new Set(['worker', 'command_status', 'ai_stuck', 'run_status']);
const MiB = 1024 * 1024;
/** Posts the events of one producer to a run. */
export class Publisher {
    /** The producer's id. */
    producer;
    #context;
    #runId;
    #options;
    #queue;
    #outbox;
    #sender;
    #commands;
    #asks;
    #frames;
    #leave;
    #emitted = 0;
    #refusedHere = 0;
    #spilled = 0;
    /** It was told that events are dropped, and the queue has not been empty since. */
    #isDropping = false;
    /** Checks of the flushes that wait. */
    #flushes = new Set();
    /** Those who wait for room in the queue. */
    #blocked = new Set();
    #closed;
    constructor(context, runId, options = {}) {
        this.producer = options.producer ?? uuid7();
        this.#context = context;
        this.#runId = runId;
        this.#options = options;
        this.#queue = new EventQueue(options.queueBytes ?? 16 * MiB);
        const limits = { events: options.maxBatchEvents ?? 500, bytes: options.maxBatchBytes ?? MiB / 4 };
        this.#outbox = new Outbox(this.#queue, limits);
        this.#commands = new Commands(context, runId, this.producer, {
            command: (command) => this.#command(command),
            hints: (hints) => this.#hinted(hints),
        });
        this.#frames = new Frames(context, runId, this.producer, (answer) => this.#commands.answered(answer));
        this.#sender = new Sender(context, runId, this.producer, options, this.#outbox, {
            isAwaited: () => this.#flushes.size > 0,
            commandsAfter: () => this.#commands.after,
            answered: (answer) => this.#answered(answer),
            settled: () => this.#settled(),
            refused: (event, error) => this.#refused(event, error),
            ended: (error) => this.#end(error),
            problem: (kind, message, cause) => this.#problem(kind, message, cause),
        });
        let sleep;
        this.#asks = new Asks({
            emit: (event) => void this.emit(event),
            want: (wanted) => {
                sleep?.();
                sleep = wanted ? keepAlive() : undefined;
                if (!this.#isOver)
                    this.#commands.want(wanted || options.commands === true);
            },
            claim: (commandId) => this.claim(commandId),
            report: (commandId, status) => this.report(commandId, status),
        });
        if (options.commands === true)
            this.#commands.want(true);
        this.#leave = atExit({
            beforeExit: () => {
                if (this.#outbox.pending > 0)
                    void this.#finish();
            },
            exit: () => this.#spill(),
        });
    }
    /** What it has done so far. */
    get stats() {
        const { state, count, lastError } = this.#sender;
        return {
            state,
            ...count,
            emitted: this.#emitted,
            refused: count.refused + this.#refusedHere,
            spilled: this.#spilled,
            pending: this.#outbox.pending,
            pendingBytes: this.#queue.bytes,
            dropped: this.#queue.droppedInAll,
            framesSent: this.#frames.sent,
            framesDropped: this.#frames.dropped,
            ...(lastError && { lastError }),
        };
    }
    /** The server's last hints. */
    get hints() {
        return this.#sender.hints;
    }
    /**
     * Takes an event, to be posted soon. It never waits and never throws, but for `onFull: 'throw'`, where it throws a
     * `QueueFullError`. With `onFull: 'block'` it returns a promise while the queue is full: wait for it before the next
     * event. It is rejected with a `QueueFullError` if the event was dropped because nobody waited.
     */
    emit(event) {
        this.#emitted += 1;
        let entry;
        try {
            entry = queued(event, this.#emitted);
        }
        catch (error) {
            this.#refusedHere += 1;
            return this.#problem('event-refused', `an event can't be written as JSON: ${String(error)}`, error);
        }
        if (this.#isOver || (this.#sender.state === 'full' && !entry.isEnd)) {
            this.#refusedHere += 1;
            return;
        }
        const passed = passedAttempt(event);
        if (passed !== undefined)
            this.#queue.passed(passed);
        const { onFull = 'drop-detail' } = this.#options;
        if (onFull === 'throw' && this.#queue.isFull(entry.bytes)) {
            throw new QueueFullError(`the queue is full: ${this.#queue.bytes} bytes of events wait for the server`);
        }
        const isTaken = onFull === 'drop-detail' ? this.#queue.pushOver(entry) : this.#queue.push(entry);
        if (!isTaken)
            this.#queue.drop();
        if (this.#queue.dropped > 0 && !this.#isDropping) {
            this.#isDropping = true;
            this.#problem('events-dropped', `the queue is full: events are dropped`, this.#sender.lastError);
        }
        this.#sender.schedule(URGENT.has(entry.type));
        if (onFull !== 'block' || (isTaken && !this.#queue.isFull(0)))
            return;
        if (isTaken)
            return new Promise((resolve) => this.#blocked.add(resolve));
        return rejected(new QueueFullError('the event was dropped: nobody waited for the full queue'));
    }
    /**
     * Posts what was emitted so far. Resolves when the server has it all or has refused it, or when that can't be done in
     * time, 15 s unless said otherwise.
     */
    async flush(options = {}) {
        const last = this.#emitted;
        const isDelivered = () => (this.#outbox.oldest ?? Infinity) > last;
        const sleep = keepAlive();
        let timer;
        let check = () => { };
        const wasClosed = this.#sender.state === 'closed';
        let delivered = false;
        await new Promise((resolve) => {
            check = () => {
                // What was given up has gone, too.
                delivered ||= isDelivered() && (wasClosed || !this.#isOver);
                if (delivered || this.#isOver || this.#sender.isHopeless)
                    resolve();
            };
            timer = setTimeout(resolve, options.timeoutMs ?? 15_000);
            this.#flushes.add(check);
            this.#sender.hurry();
            check();
        });
        clearTimeout(timer);
        this.#flushes.delete(check);
        sleep();
        const { lastError: error } = this.#sender;
        return { delivered, pending: this.#outbox.pending, ...(!delivered && error && { error }) };
    }
    /**
     * Posts what is left, as far as that can be done in time, writes the rest to the spill file, and takes no more events.
     */
    close(options = {}) {
        this.#closed ??= this.#finish(options);
        return this.#closed;
    }
    /**
     * Ends at once: what is left goes to the spill file, and nothing is posted any more. For a process that is about to end
     * by a signal, which Node.js tells nobody of.
     */
    abandon() {
        this.#spill();
        this.#commands.want(false);
        this.#asks.end(new Error('the publisher is closed'));
        this.#frames.close();
        this.#leave();
        this.#settled();
    }
    [Symbol.asyncDispose]() {
        return this.close().then(() => { });
    }
    /** Claims an act, so that no other producer does it. Undefined: another one has it, or it is too late. */
    claim(commandId, signal) {
        return this.#commands.claim(commandId, signal ?? this.#sender.signal);
    }
    /** Says what became of a command. */
    report(commandId, status, details = {}) {
        const claim = details.claim ?? this.#commands.claims.get(commandId);
        if (status !== 'accepted')
            this.#commands.claims.delete(commandId);
        void this.emit({ type: 'command_status', commandId, status, ...details, ...(claim !== undefined && { claim }) });
    }
    /**
     * Asks the viewers; resolves when somebody has answered, or when nobody did in time. The value of a `credential` is in
     * the answer, and nowhere else. Rejects when the run has ended, the publisher is closed, or the signal aborts.
     */
    ask(question, options = {}) {
        if (this.#isOver)
            return Promise.reject(new Error('the publisher has ended'));
        return this.#asks.ask(question.askId ?? uuid7(), question, options.signal);
    }
    /** Shows a frame of a stream, by convention `PRODUCER/SLOT`. The newest wins, and a failed one is not repeated. */
    frame(stream, bytes, info = {}) {
        this.#frames.show(stream, { ...info, bytes });
    }
    /**
     * Posts parts of a trace that grows, once; at most 4 MiB and 256 parts. Repeating them is safe. Rejects with an
     * `ApiError`: `live_trace_gap` has `expected`, the ends of the entries; `live_trace_full`; `live_trace_throttled`.
     */
    liveTrace(traceId, parts, signal) {
        return callJson(this.#context, {
            method: 'POST',
            path: `${runPath(this.#runId)}/live-traces/${encodeURIComponent(traceId)}`,
            headers: { 'content-type': PARTS_TYPE, 'runcast-producer': this.producer },
            body: partsBody(parts),
            signal: signal ?? this.#sender.signal,
        });
    }
    get #isOver() {
        return this.#sender.state === 'ended' || this.#sender.state === 'closed';
    }
    async #finish(options = {}) {
        const report = await this.flush({ timeoutMs: options.timeoutMs ?? this.#options.closeTimeoutMs ?? 15_000 });
        // A process that has nothing to do may still go on: another one may wait for the same.
        if (this.#closed === undefined && report.delivered)
            return report;
        this.abandon();
        return report;
    }
    /** Writes what is left to the spill file; nothing is posted any more. */
    #spill() {
        this.#sender.close();
        const { pending } = this.#outbox;
        if (pending === 0)
            return;
        const { spillFile } = this.#options;
        let file;
        let cause = this.#sender.lastError;
        let isSpilled = false;
        try {
            file = typeof spillFile === 'function' ? spillFile() : spillFile;
            const header = { runcast: 'spill', runId: this.#runId, producer: this.producer };
            const line = (event) => this.#sender.line(event);
            isSpilled = file !== undefined && spill(file, header, this.#outbox.rest(), line);
        }
        catch (error) {
            cause = error;
        }
        this.#outbox.giveUp();
        if (!isSpilled)
            return this.#problem('lost', `${pending} events could not be posted`, cause);
        this.#spilled += pending;
        const command = `runcast publish ${this.#runId} ${file}`;
        const message = `${pending} events could not be posted and are in ${file}; post them with: ${command}`;
        this.#problem('spilled', message, cause);
    }
    #answered(answer) {
        this.#commands.answered(answer);
        for (const id of answer.ignored ?? []) {
            this.#asks.refused(id, new Error(`the server did not open the question ${id}: its id was used before`));
        }
    }
    /** Something was stored, or has failed: who waits may go on. */
    #settled() {
        for (const check of [...this.#flushes])
            check();
        if (this.#queue.length === 0)
            this.#isDropping = false;
        if (this.#blocked.size === 0 || (this.#queue.isFull(0) && !this.#isOver))
            return;
        for (const resolve of this.#blocked)
            resolve();
        this.#blocked.clear();
    }
    #end(error) {
        this.#commands.want(false);
        this.#asks.end(error);
    }
    #command(command) {
        this.#asks.event(command.event);
        this.#callback(() => this.#options.onCommand?.(command));
    }
    #hinted(hints) {
        this.#sender.hinted(hints);
        this.#callback(() => this.#options.onHints?.(hints));
    }
    #refused(event, error) {
        if (event?.type === 'ai_stuck')
            this.#asks.refused(String(JSON.parse(event.text).askId), error);
        const detail = error instanceof ApiError ? `${error.code}: ${error.detail}` : error.message;
        this.#problem('event-refused', `an event of type ${event?.type} was refused: ${detail}`, error);
    }
    #problem(kind, message, cause) {
        try {
            this.#options.onError?.(new PublishProblem(kind, message, { cause }));
        }
        catch {
            // Whoever is told of problems has one, and there is nobody else to tell.
        }
    }
    /** Calls a function of the user's; what it throws is told. */
    #callback(call) {
        const threw = (error) => this.#problem('callback', `a callback threw: ${String(error)}`, error);
        try {
            void Promise.resolve(call()).catch(threw);
        }
        catch (error) {
            threw(error);
        }
    }
}
/** A promise that is rejected, and does not end the process if nobody looks at it. */
function rejected(error) {
    const promise = Promise.reject(error);
    promise.catch(() => { });
    return promise;
}
