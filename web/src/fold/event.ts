/** The members of events that the fold reads. Each is read by itself, so that one of a wrong type affects no other. */
import { type Json, type Members, object, text, u32, whole } from './json.js';
import { clip } from './space.js';
import type { Shard } from './view.js';

/** Most bytes kept of an error's text. */
export const MAX_ERROR_BYTES = 2 * 1024;
/** Most bytes kept of a title, a file name or another text. */
export const MAX_TITLE_BYTES = 512;
/** Most bytes kept of the name of something: a step's id, a tag, the type of an annotation. */
export const MAX_NAME_BYTES = 128;
/** Most shards. */
const MAX_SHARDS = 1_000;

const NONE: Members = {};

/** The members of `data`; none of what is no object. */
export function dataOf(event: Members): Members {
  return object(event['data']) ?? NONE;
}

/** A title: a text, or the titles of a test's groups followed by its own. */
export function title(value: Json): string | undefined {
  if (typeof value === 'string') return clip(text(value) ?? '', MAX_TITLE_BYTES);
  if (!Array.isArray(value) || !value.every((part) => typeof part === 'string')) return undefined;
  return clip(text(value.map((part) => text(part)).join(' › ')) ?? '', MAX_TITLE_BYTES);
}

/** The text of an error: a text, or an object with a `message`. */
export function message(value: Json): string | undefined {
  const found = text(value) ?? text(object(value)?.['message']);
  return found === undefined ? undefined : clip(found, MAX_ERROR_BYTES);
}

/** Where an error was. */
export function location(value: Json): string | undefined {
  return text(object(value)?.['location']);
}

/** A shard, of a variant. */
export function shardOf(value: Json, variant: string | undefined): Shard | undefined {
  const members = object(value);
  const [current, total] = [u32(members?.['current']), u32(members?.['total'])];
  if (current === undefined || total === undefined) return undefined;
  if (total < 1 || total > MAX_SHARDS || current < 1 || current > total) return undefined;
  return variant === undefined ? { current, total } : { variant, current, total };
}

/** A step: what has a number. */
export interface FoldedStep {
  stepNumber: number;
  /** Its id within its attempt: a step without one has its number. */
  id: string;
  ends: boolean;
  members: Members;
}

export function stepOf(value: Json): FoldedStep | undefined {
  const members = object(value);
  const stepNumber = whole(members?.['stepNumber']);
  if (members === undefined || stepNumber === undefined) return undefined;
  const named = text(members['id']) ?? text(members['stepId']);
  const id = named ? clip(named, MAX_NAME_BYTES) : String(stepNumber);
  return { stepNumber, id, ends: members['phase'] === 'end', members };
}
