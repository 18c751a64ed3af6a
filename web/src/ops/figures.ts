/** Figures of a node, from what `GET /metrics` answers (Prometheus' text format). */

/** Samples by name and labels, as they stand in the text: `runcast_viewers`, `x{reason="normal"}`. */
export type Samples = ReadonlyMap<string, number>;

/** Reads the text. Lines that can't be read are left out. */
export function samplesOf(text: string): Samples {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const at = line.lastIndexOf(' ');
    const value = Number(line.slice(at + 1));
    if (at > 0 && Number.isFinite(value)) samples.set(line.slice(0, at), value);
  }
  return samples;
}

/** The sum of a metric over its labels; null if there is none. */
export function sum(samples: Samples, name: string): number | null {
  let total: number | null = null;
  for (const [key, value] of samples) if (key === name || key.startsWith(`${name}{`)) total = (total ?? 0) + value;
  return total;
}

/** What a counter grew by in a second; null while that is not known, as after a restart. */
export function rate(before: Samples | null, now: Samples, name: string, secs: number): number | null {
  const [from, to] = [before && sum(before, name), sum(now, name)];
  return from === null || to === null || to < from || secs <= 0 ? null : (to - from) / secs;
}

/** The mean of a histogram's observations since then, in milliseconds; null if there was none. */
export function meanMs(before: Samples | null, now: Samples, name: string): number | null {
  const grown = (of: string) => (sum(now, `${name}_${of}`) ?? 0) - ((before && sum(before, `${name}_${of}`)) ?? 0);
  const [secs, count] = [grown('sum'), grown('count')];
  return count > 0 && secs >= 0 ? (1_000 * secs) / count : null;
}

/** The bound below which this share of a histogram's observations since then lie, in milliseconds; null if there was none. */
export function quantileMs(before: Samples | null, now: Samples, name: string, share: number): number | null {
  const buckets: [number, number][] = [];
  for (const [key, value] of now) {
    const bound = key.startsWith(`${name}_bucket{`) ? /le="([^"]+)"/.exec(key)?.[1] : undefined;
    if (bound !== undefined) buckets.push([bound === '+Inf' ? Infinity : Number(bound), value - (before?.get(key) ?? 0)]);
  }
  buckets.sort(([one], [other]) => one - other);
  const all = buckets.at(-1)?.[1] ?? 0;
  if (all <= 0) return null;
  const found = buckets.find(([, count]) => count >= share * all);
  return found === undefined ? null : 1_000 * found[0];
}
