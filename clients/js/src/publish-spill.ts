import { appendText, cutTo, lengthOf } from '#spill';

import type { QueuedEvent } from './publish-queue.js';

/** Bytes that are written at a time. */
const CHUNK = 1024 * 1024;

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
export function spill(
  file: string,
  header: SpillHeader,
  parts: Iterable<{ first: number; events: QueuedEvent[] }>,
  line: (event: QueuedEvent) => string,
): boolean {
  if (appendText === undefined) return false;
  const length = lengthOf(file);
  try {
    for (const text of chunks(header, parts, line)) appendText(file, text);
  } catch (error) {
    cutTo(file, length);
    throw error;
  }
  return true;
}

function* chunks(
  header: SpillHeader,
  parts: Iterable<{ first: number; events: QueuedEvent[] }>,
  line: (event: QueuedEvent) => string,
): Iterable<string> {
  let next: number | undefined;
  let text = '';
  for (const { first, events } of parts) {
    if (first !== next) text += `${JSON.stringify({ ...header, seq: first })}\n`;
    next = first + events.length;
    for (const event of events) {
      text += `${line(event)}\n`;
      if (text.length < CHUNK) continue;
      yield text;
      text = '';
    }
  }
  if (text !== '') yield text;
}
