import { type ConnectOptions } from './context-of.js';
import { Run } from './run.js';
import type { RunQuery, RunSummary } from './types.js';
/** A server, or a cluster of servers. */
export declare class Runcast {
    #private;
    /** Made by {@link connect}. */
    constructor(options: ConnectOptions);
    /** A run by its id. */
    run(id: string): Run;
    /** All runs, the one that changed last first; more are asked for while they are iterated over. */
    runs(query?: RunQuery): AsyncIterable<RunSummary>;
}
/** The way to a server. Nothing is sent yet. */
export declare function connect(options: ConnectOptions): Runcast;
