/** What operators look at, asked for every five seconds while the page is seen, and once a minute while it is not. */
import { batch, computed, signal } from '@preact/signals';

import { may, readRights, rights } from '../ui/rights.js';
import { samplesOf, type Samples } from './figures.js';

const SEEN_MS = 5_000;
const HIDDEN_MS = 60_000;
/** A server that has not answered within so long does not answer. */
const PATIENCE_MS = 10_000;

export interface Part {
  status: string;
  detail?: string;
}

export interface Ready {
  status: string;
  dependencies: Record<string, Part>;
  warnings: string[];
}

export interface Node {
  serverId: string;
  connections: number;
  activeRuns: number;
  uptime: number;
}

export interface Stats {
  serverId: string;
  nodes: Node[];
  redisConnections: number | null;
  othersUnknown: string | null;
}

export interface Actor {
  name: string;
  kind: string;
  state: string;
  restarts: number;
  pending: number;
  since: string | null;
  lastExit: string | null;
}

export interface Room {
  run: string;
  state: string;
  viewers: number;
  heldBytes: number;
  restarts: number;
  lastExit: string | null;
}

export interface Actors {
  supervisor: Actor[];
  threads: Actor[][];
  rooms: Room[];
  living: Record<string, number>;
  exits: Record<string, Record<string, number>>;
}

export interface Cleanup {
  retentionDays: number;
  artifactsPendingDeletion: number;
  totalArtifacts: number;
  totalStorageBytes: number;
  totalOriginalBytes: number;
  savedPercent: number;
  lastRun: Swept | null;
}

export interface Swept {
  startedAt: string;
  durationMs: number;
  error: string | null;
  failed: number;
  expired: { count: number; bytes: number };
  removed: { count: number; bytes: number };
}

/** The answers; null: none came yet, or the last one was a refusal. */
export const ready = signal<Ready | null>(null);
export const stats = signal<Stats | null>(null);
export const actors = signal<Actors | null>(null);
export const cleanup = signal<Cleanup | null>(null);
/** Why there are no figures of artifacts: the server keeps none, for instance. */
export const noCleanup = signal<string | null>(null);
/** The last two samples, and the seconds between them. */
export const samples = signal<{ before: Samples | null; now: Samples; secs: number } | null>(null);
/** Why the server can't be asked. */
export const away = signal<string | null>(null);
/** The server has refused the last questions. */
const isDenied = signal(false);
/** One may not look at this. */
export const refused = computed(() => isDenied.value || !may('ops'));
/** When it last answered. */
export const heardAt = signal<number | null>(null);

/** The server refuses whoever asks: no repeat changes that, other rights do. */
class Denied extends Error {}

async function json<T>(path: string): Promise<T> {
  const answer = await fetch(path, { headers: { accept: 'application/json' }, signal: AbortSignal.timeout(PATIENCE_MS) });
  const told: unknown = await answer.json();
  // A node that is degraded or drains answers 503, and says why.
  if (answer.ok || path === '/ready') return told as T;
  if (answer.status === 401 || answer.status === 403) throw new Denied();
  throw new Error((told as { detail?: string }).detail ?? `${path}: ${answer.status}`);
}

async function metrics(): Promise<Samples> {
  const answer = await fetch('/metrics', { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`/metrics: ${answer.status}`);
  return samplesOf(await answer.text());
}

function orNull<T>(asked: Promise<T>): Promise<T | null> {
  return asked.catch((error: Error) => {
    if (error instanceof Denied) throw error;
    return null;
  });
}

let sampledAt = 0;

/** Asks once. */
export async function ask(): Promise<void> {
  let why: string | null = null;
  try {
    const [readiness] = await Promise.all([json<Ready>('/ready'), rights.peek() === null || refused.peek() ? readRights() : null]);
    if (!may('ops')) return;
    const [viewers, tree, swept, sampled] = await Promise.all([
      orNull(json<Stats>('/api/ws/stats')),
      orNull(json<Actors>('/api/actors')),
      json<Cleanup>('/api/cleanup/stats').catch((error: Error) => {
        if (error instanceof Denied) throw error;
        why = error.message;
        return null;
      }),
      orNull(metrics()),
    ]);
    batch(() => {
      isDenied.value = false;
      ready.value = readiness;
      stats.value = viewers;
      actors.value = tree;
      cleanup.value = swept;
      noCleanup.value = why;
      if (sampled !== null) {
        const at = performance.now();
        samples.value = { before: samples.peek()?.now ?? null, now: sampled, secs: (at - sampledAt) / 1_000 };
        sampledAt = at;
      }
      away.value = null;
      heardAt.value = Date.now();
    });
  } catch (error) {
    if (error instanceof Denied) {
      await readRights();
      isDenied.value = true;
      return;
    }
    away.value = error instanceof Error ? error.message : String(error);
  }
}

/** Asks again and again. */
export function start(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const next = async () => {
    clearTimeout(timer);
    await ask();
    if (refused.peek()) return;
    clearTimeout(timer); // another one may have been asked for meanwhile
    timer = setTimeout(() => void next(), document.hidden ? HIDDEN_MS : SEEN_MS);
  };
  document.addEventListener('visibilitychange', () => document.hidden || void next());
  void next();
}

/** Cleans up now, or looks what that would remove. Resolves to what was done; rejects with the server's words. */
export async function sweep(dryRun: boolean): Promise<Swept> {
  const answer = await fetch(`/api/cleanup/run${dryRun ? '?dryRun=1' : ''}`, { method: 'POST' });
  const told = (await answer.json()) as Swept & { detail?: string };
  if (!answer.ok) throw new Error(told.detail ?? String(answer.status));
  if (!dryRun) void ask();
  return told;
}
