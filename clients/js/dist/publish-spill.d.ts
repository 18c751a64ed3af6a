import type { QueuedEvent } from './publish-queue.js';
/** What the first line of a part of a spill file says, besides `seq`: the number of the event in the next line. */
export interface SpillHeader {
    runcast: string;
    runId: string;
    producer: string;
}
/**
 * Adds events to a file, for `runcast publish` to post them later under their numbers. False: there are no files here.
 * Throws what the file system throws; then the file is as it was.
 */
export declare function spill(file: string, header: SpillHeader, parts: Iterable<{
    first: number;
    events: QueuedEvent[];
}>, line: (event: QueuedEvent) => string): boolean;
