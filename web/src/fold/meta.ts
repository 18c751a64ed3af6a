/** What a run is about, as its producers tell. */
import { MAX_NAME_BYTES, MAX_TITLE_BYTES } from './event.js';
import { type Json, items, object, text, whole } from './json.js';
import { clip } from './space.js';
import type { RunMeta } from './view.js';

/** Most labels. */
const MAX_LABELS = 20;

const TEXTS = ['project', 'title', 'branch', 'commit', 'author', 'ciUrl'] as const;

/** What is known with what a later `data.meta` says; that is as it was if it says nothing that can be read. */
export function metaFollowedBy(known: RunMeta | null, value: Json): RunMeta | null {
  const members = object(value);
  if (members === undefined) return known;
  const meta: RunMeta = { ...known };
  for (const name of TEXTS) {
    const told = text(members[name]);
    if (told !== undefined) meta[name] = clip(told, MAX_TITLE_BYTES);
  }
  const number = whole(members['number']);
  if (number !== undefined) meta.number = number;
  const labels: string[] = [];
  for (const item of items(members['labels'])) {
    const label = text(item);
    if (label !== undefined && labels.length < MAX_LABELS) labels.push(clip(label, MAX_NAME_BYTES));
  }
  if (labels.length > 0) meta.labels = labels;
  return meta;
}
