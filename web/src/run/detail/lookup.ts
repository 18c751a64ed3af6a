/**
 * What the page itself asks the server about a test's files: whether they are still there, until when, and live traces. It
 * asks when they are looked at, and keeps what it was told for as long as the page is open.
 */
import { signal } from '@preact/signals';

import type { Artifact } from '../../model.js';

interface Told {
  state?: Artifact['state'];
  expiresAt?: string | null;
  createdAt?: string | null;
  deletedAt?: string | null;
  deletedBy?: string | null;
  retainedBy?: string | null;
  storedSize?: number | null;
  size?: number | null;
  traceUrl?: string | null;
}

/** Artifacts whose state was asked for. The oldest give way. */
const MAX_KEPT = 2_000;
const told = new Map<string, Partial<Artifact>>();
const asked = new Set<string>();
const version = signal(0);

const time = (value: string | null | undefined) => (value == null ? null : Date.parse(value));

/** The artifact with what the server says of it now. Components that call it are drawn again when more is known. */
export function known(artifact: Artifact): Artifact {
  void version.value;
  const more = told.get(artifact.artifactId);
  return more === undefined ? artifact : { ...artifact, ...more };
}

/** Asks for what is not known of artifacts: those that the worker told in full are not asked for. */
export async function lookUp(runId: string, artifacts: readonly Artifact[]): Promise<void> {
  const wanted = artifacts
    .filter(({ artifactId, retainedBy }) => retainedBy === undefined && !asked.has(artifactId))
    .slice(0, 50);
  if (wanted.length === 0) return;
  for (const { artifactId } of wanted) asked.add(artifactId);
  await Promise.all(wanted.map((artifact) => ask(runId, artifact)));
  while (told.size > MAX_KEPT) told.delete(told.keys().next().value!);
  version.value += 1;
}

async function ask(runId: string, { artifactId }: Artifact): Promise<void> {
  try {
    const answer = await fetch(`/api/runs/${encodeURIComponent(runId)}/artifacts/${encodeURIComponent(artifactId)}`);
    if (answer.status === 404 || answer.status === 410) {
      const { createdAt, deletedAt, deletedBy } = (await answer.json().catch(() => ({}))) as Told;
      told.set(artifactId, {
        state: 'deleted',
        ...(createdAt == null ? {} : { createdAt: time(createdAt) }),
        ...(deletedAt == null ? {} : { deletedAt: time(deletedAt) }),
        ...(deletedBy == null ? {} : { deletedBy }),
      });
      return;
    }
    if (!answer.ok) return;
    const { state, expiresAt, createdAt, retainedBy, storedSize, size, traceUrl } = (await answer.json()) as Told;
    told.set(artifactId, {
      state: state ?? 'ready',
      expiresAt: time(expiresAt),
      createdAt: time(createdAt),
      retainedBy: retainedBy ?? null,
      ...(storedSize == null ? {} : { storedSize }),
      ...(size == null ? {} : { size }),
      ...(traceUrl == null ? {} : { traceUrl }),
    });
  } catch {
    asked.delete(artifactId); // the connection broke: the next look asks again
  }
}

/** The viewer's page of a live trace; null: there is no such trace, or the server keeps none. */
export async function liveTrace(runId: string, traceId: string): Promise<string | null> {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(traceId)) return null;
  const answer = await fetch(`/api/runs/${encodeURIComponent(runId)}/live-traces`).catch(() => null);
  if (!answer?.ok) return null;
  const { liveTraces = [] } = (await answer.json()) as { liveTraces?: { traceId: string }[] };
  if (!liveTraces.some((trace) => trace.traceId === traceId)) return null;
  return `/live-traces/${encodeURIComponent(runId)}/${encodeURIComponent(traceId)}/v/?isServer`;
}

/** Bytes of a text that are shown in place. */
export const MAX_TEXT = 1_000_000;

/** The beginning of a file as text. `whole`: there is no more. Throws if it can't be had. */
export async function readText(url: string): Promise<{ text: string; whole: boolean }> {
  const answer = await fetch(url);
  if (!answer.ok || answer.body === null) throw new Error(`the server answered ${answer.status}`);
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { text: text + decoder.decode(), whole: true };
    const room = MAX_TEXT - length;
    text += decoder.decode(value.subarray(0, room), { stream: true });
    length += value.length;
    if (length > MAX_TEXT) {
      void reader.cancel();
      return { text, whole: false };
    }
  }
}
