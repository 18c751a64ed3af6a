/** What a test left: its attachments, with the artifacts that they were uploaded as. */
import type { Artifact, Attachment, Step } from '../../model.js';
import { bytes } from '../../ui/format.js';

export type FileKind = 'image' | 'video' | 'trace' | 'text' | 'json' | 'other';

/** A file, or why it isn't there. */
export interface FileItem {
  name: string;
  kind: FileKind;
  contentType: string;
  size: number | null;
  artifact: Artifact | null;
  /** Why it was not uploaded. */
  note: string | null;
  /** The name of the artifact that it was to become. */
  upload: string | null;
}

const IMAGES = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/bmp',
  'image/svg+xml',
]);
const VIDEOS = new Set(['video/webm', 'video/mp4', 'video/ogg']);
const TEXTS = /\.(?:txt|log|md|csv|tsv|xml|html?|css|[cm]?[jt]sx?|ya?ml|toml|har|diff|patch|snap)$/i;

/** What a file is shown as. Types are the word of whoever posted them: none makes it a document of this page. */
export function kindOf(name: string, contentType: string | null, artifactKind?: string): FileKind {
  const type = (contentType ?? '').split(';')[0]!.trim().toLowerCase();
  if (artifactKind === 'trace' || (name === 'trace' && type === 'application/zip')) return 'trace';
  if (IMAGES.has(type)) return 'image';
  if (VIDEOS.has(type)) return 'video';
  if (type === 'application/json' || /\+json$/.test(type) || /\.json$/i.test(name)) return 'json';
  if (type.startsWith('text/') || artifactKind === 'log' || TEXTS.test(name)) return 'text';
  return 'other';
}

/** The newest artifact of a name, of this test if there is one. */
export function artifactOf(name: string, testId: string, artifacts: readonly Artifact[]): Artifact | null {
  let found: Artifact | null = null;
  for (const artifact of artifacts) {
    if (artifact.name === name && (artifact.test === testId || found?.test !== testId)) found = artifact;
  }
  return found;
}

function item(attachment: Attachment, testId: string, artifacts: readonly Artifact[]): FileItem {
  const artifact = attachment.artifact == null ? null : artifactOf(attachment.artifact, testId, artifacts);
  const contentType = attachment.contentType ?? artifact?.contentType ?? '';
  return {
    name: attachment.name,
    kind: kindOf(attachment.name, contentType, artifact?.kind),
    contentType,
    size: attachment.size ?? artifact?.size ?? null,
    artifact,
    note: attachment.note ?? null,
    upload: attachment.artifact ?? null,
  };
}

/** The files of an attempt: those of its steps, then those that it told of at its end; each one once. */
export function filesOf(
  attachments: readonly Attachment[],
  steps: Iterable<Step>,
  testId: string,
  artifacts: readonly Artifact[],
): FileItem[] {
  const items = new Map<string, FileItem>();
  const add = (attachment: Attachment) => {
    const one = item(attachment, testId, artifacts);
    items.set(attachment.artifact ?? `${attachment.name}\u0000${attachment.size}\u0000${attachment.note}`, one);
  };
  for (const step of steps) step.attachments.forEach(add);
  attachments.forEach(add);
  return [...items.values()];
}

/** An artifact as a file. */
export function fileOf(artifact: Artifact): FileItem {
  const { name, contentType, size, kind } = artifact;
  return { name, kind: kindOf(name, contentType, kind), contentType, size, artifact, note: null, upload: name };
}

/** Pictures of one comparison. */
export interface Comparison {
  name: string;
  expected: FileItem;
  actual: FileItem;
  diff: FileItem | null;
}

/** Pictures that were compared: `NAME-expected.png`, `NAME-actual.png` and `NAME-diff.png`. */
export function comparisonsOf(files: readonly FileItem[]): Comparison[] {
  const sets = new Map<string, Partial<Record<'expected' | 'actual' | 'diff', FileItem>>>();
  for (const file of files) {
    const found = file.kind === 'image' ? /^(.+)-(expected|actual|diff)(\.\w+)?$/s.exec(file.name) : null;
    if (found === null) continue;
    const name = found[1]! + (found[3] ?? '');
    sets.set(name, { ...sets.get(name), [found[2]!]: file });
  }
  return [...sets].flatMap(([name, { expected, actual, diff }]) =>
    expected?.artifact && actual?.artifact ? [{ name, expected, actual, diff: diff ?? null }] : [],
  );
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Where a file is downloaded from: made here, and not what anybody posted. Null: it can't be. */
export function downloadUrl(runId: string, artifact: Artifact): string | null {
  if (!ID.test(artifact.artifactId) || artifact.state === 'deleted' || artifact.state === 'pending') return null;
  return `/api/runs/${encodeURIComponent(runId)}/artifacts/${artifact.artifactId}/download?redirect=1`;
}

/** Whether a browser may show what is downloaded: that has to have a tab of its own, or it takes the place of the page. */
export function opensInTab(contentType: string): boolean {
  return /^(?:(?:audio|image|text|video)\/|application\/json)/i.test(contentType.trim());
}

/** Where a trace is shown: on this server only. Null: it isn't shown here. */
export function viewerUrl(runId: string, artifact: Artifact): string | null {
  const download = downloadUrl(runId, artifact);
  if (download === null || artifact.traceUrl === null || !artifact.traceUrl.startsWith('/trace/')) return null;
  return `/trace/?trace=${encodeURIComponent(download)}`;
}

/** `3.4 MB stored as 2.1 MB, −38 %`; null: nothing was saved, or nothing is known. */
export function savingsOf(artifacts: readonly Artifact[]): string | null {
  const known = artifacts.filter(({ size, storedSize }) => size !== null && storedSize !== null);
  const size = known.reduce((sum, artifact) => sum + (artifact.size ?? 0), 0);
  const stored = known.reduce((sum, artifact) => sum + (artifact.storedSize ?? 0), 0);
  const percent = size === 0 ? 0 : Math.round((1 - stored / size) * 100);
  return percent < 1 ? null : `${bytes(size)} stored as ${bytes(stored)}, −${percent} %`;
}

const DAY = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric' });

/** Until when files are kept: the earliest; null: not known. */
export function keptUntil(artifacts: readonly Artifact[]): string | null {
  if (artifacts.length > 0 && artifacts.every(({ retainedBy }) => retainedBy === 'pin')) return 'kept, pinned';
  const ends = artifacts.flatMap(({ expiresAt, retainedBy }) =>
    expiresAt === null || retainedBy === 'pin' ? [] : [expiresAt],
  );
  return ends.length === 0 ? null : `kept until ${DAY.format(Math.min(...ends))}`;
}

/** Why a file can't be shown; null: it can. `over`: the run has ended, so nothing more is uploaded. */
export function whyNot({ artifact, note, upload }: FileItem, over: boolean): string | null {
  if (note !== null) return `not uploaded: ${note}`;
  if (upload === null) return 'not uploaded';
  if (artifact === null) return over ? 'not in the store' : 'on its way';
  if (artifact.state === 'pending') return over ? 'its upload never ended' : 'on its way';
  if (artifact.state === 'failed') return 'its upload failed';
  if (artifact.state === 'deleted') return goneBecause(artifact);
  return null;
}

function goneBecause({ createdAt, deletedAt, deletedBy }: Artifact): string {
  if (deletedAt == null) return 'its file is gone: it has expired, or was deleted';
  const day = DAY.format(deletedAt);
  if (deletedBy === 'upload') return `its upload never ended, and was removed on ${day}`;
  if (deletedBy === 'pin') return `its file was deleted on ${day}, when its pin ended`;
  if (deletedBy !== 'days' && !deletedBy?.startsWith('rule:')) return `its file was deleted on ${day}`;
  const days = createdAt == null ? null : Math.round((deletedAt - createdAt) / 86_400_000);
  return `its file was deleted on ${day} by the retention${days === null ? '' : ` of ${days} ${days === 1 ? 'day' : 'days'}`}`;
}
