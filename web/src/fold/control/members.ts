/** The members of control events, each read by itself, so that one of a wrong type affects no other. */
import { type Json, type Members, object, text } from '../json.js';
import { clip, fits } from '../space.js';
import { parseTime } from '../timestamp.js';
import type { Principal } from './view.js';

/** Most bytes that are kept of a text that is shown: a reason, a name. */
const MAX_TEXT_BYTES = 2 * 1024;
/** Longer ids are none. */
const MAX_ID_BYTES = 1_024;

/** A place in a run's log. */
export interface Cursor {
  /** The incarnation of the store, digits; null if none was seen. */
  readonly epoch: string | null;
  readonly seq: number;
}

const KINDS = new Set(['agent', 'server']);
const WAYS = new Set(['ws', 'mcp', 'server']);
const UUID = /^(?:urn:uuid:)?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i;
const PLAIN_UUID = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i;
const BRACED = /^\{(.*)\}$/;

/** A member that is there and not `null`. */
export function member(event: Members, name: string): Json {
  return event[name] ?? undefined;
}

/** An id: a text that is not empty, nor too long to be one. */
export function id(event: Members | undefined, name: string): string | undefined {
  const found = text(event?.[name]);
  return found && fits(found, MAX_ID_BYTES) ? found : undefined;
}

/** The id of a command: that of a UUID however it is written. */
export function commandId(event: Members, name: string): string | undefined {
  const found = id(event, name);
  if (found === undefined) return undefined;
  const inner = BRACED.exec(found)?.[1] ?? found;
  const parts = UUID.exec(inner) ?? PLAIN_UUID.exec(inner);
  return parts === null ? found : parts.slice(1).join('-').toLowerCase();
}

/** A text for people, cut off where it is too long. */
export function shortText(event: Members, name: string): string | undefined {
  const found = text(event[name]);
  return found === undefined ? undefined : clip(found, MAX_TEXT_BYTES);
}

export function time(event: Members, name: string): number | undefined {
  const found = event[name];
  return typeof found === 'string' ? parseTime(found) : undefined;
}

/** Who wanted it. Words that a later version may have are read as the nearest that are known. */
export function principal(event: Members): Principal | undefined {
  const by = object(event['by']);
  const subject = id(by, 'subject');
  if (by === undefined || subject === undefined) return undefined;
  const [kind, via] = [text(by['kind']) ?? '', text(by['via']) ?? ''];
  return {
    subject,
    name: shortText(by, 'name') ?? subject,
    kind: KINDS.has(kind) ? (kind as Principal['kind']) : 'human',
    via: WAYS.has(via) ? (via as Principal['via']) : 'http',
    verified: by['verified'] === true,
  };
}

/** `epoch:seq`, or a bare seq. */
export function readCursor(written: string): Cursor | undefined {
  const found = /^(?:(\d+):)?(\d+)$/.exec(written);
  if (found === null) return undefined;
  const [, epoch, seq] = found;
  const isNumber = (digits: string) => BigInt(digits) < 2n ** 64n;
  if (!isNumber(seq ?? '') || (epoch !== undefined && !isNumber(epoch))) return undefined;
  return { epoch: epoch === undefined ? null : String(BigInt(epoch)), seq: Number(seq) };
}

export function showCursor({ epoch, seq }: Cursor): string {
  return epoch === null ? String(seq) : `${epoch}:${seq}`;
}

export function isSameCursor(one: Cursor | undefined, other: Cursor | undefined): boolean {
  return one !== undefined && other !== undefined && one.epoch === other.epoch && one.seq === other.seq;
}

/** Whether `cursor` is not behind `known`: what it is of is known already. */
export function isKnown(cursor: Cursor, known: Cursor): boolean {
  if (cursor.epoch === known.epoch) return cursor.seq <= known.seq;
  const [one, other] = [cursor.epoch ?? '', known.epoch ?? ''];
  return one.length === other.length ? one < other : one.length < other.length;
}
