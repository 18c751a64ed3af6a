import { contextOf } from './context-of.js';
import { readRuns } from './read.js';
import { Run } from './run.js';
/** A server, or a cluster of servers. */
export class Runcast {
    #context;
    /** Made by {@link connect}. */
    constructor(options) {
        this.#context = contextOf(options);
    }
    /** A run by its id. */
    run(id) {
        return new Run(this.#context, id);
    }
    /** All runs, the one that changed last first; more are asked for while they are iterated over. */
    runs(query) {
        return readRuns(this.#context, query);
    }
}
/** The way to a server. Nothing is sent yet. */
export function connect(options) {
    return new Runcast(options);
}
