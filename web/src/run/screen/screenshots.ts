/** Screenshots among the artifacts. Pure. */
import type { Artifact } from '../../model.js';

/** The test's last screenshot up to an event; null: there is none. */
export function screenshotBefore(all: readonly Artifact[], testId: string, seq: number): Artifact | null {
  const fits = ({ kind, contentType, test, seq: at }: Artifact) =>
    test === testId && at !== null && at <= seq && (kind === 'screenshot' || /^image\/(png|jpeg|webp)$/.test(contentType));
  return all.reduce<Artifact | null>((best, one) => (fits(one) && (best?.seq ?? 0) <= (one.seq ?? 0) ? one : best), null);
}

/** Where the picture is that a question names: an artifact by its id or name, or a URL of this server. Null: not here yet. */
export function pictureUrl(all: readonly Artifact[], named: string | null, origin: string): string | null {
  if (named === null || named === '') return null;
  const artifact = all.findLast(({ artifactId, name }) => artifactId === named || name === named);
  if (artifact !== undefined) return artifact.downloadUrl;
  try {
    const url = new URL(named, origin);
    const isUrl = named.startsWith('/') || /^https?:/i.test(named);
    return isUrl && url.origin === origin ? url.href : null;
  } catch {
    return null;
  }
}
