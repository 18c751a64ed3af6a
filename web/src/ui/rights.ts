/**
 * What one may do on this server, as `GET /api/me` says it: asked once, and again when the server refuses something. Until
 * it is known everything is offered, as on a server where everybody may do everything: the server refuses by itself.
 */
import { computed, signal } from '@preact/signals';

import { me, type ToldGrant } from './me.js';

export type Scope = 'view' | 'publish' | 'control' | 'ops';

/** What one credential of this browser permits. */
export interface Grant {
  subject: string;
  name: string;
  scopes: readonly string[];
  /** Patterns over names of runs. */
  runs: readonly string[];
  /** Milliseconds since 1970; null: never. */
  expiresAt: number | null;
  /** It came by a share link. */
  isGuest: boolean;
}

/** The grants; `everybody`: all may do everything; null: not known yet. */
export const rights = signal<readonly Grant[] | 'everybody' | null>(null);

/** Whether one may do this, with this run if there is one. Components that call it are drawn again when that changes. */
export function may(scope: Scope, runId: string | null = null): boolean {
  return !Array.isArray(rights.value) || grantFor(scope, runId) !== null;
}

/** The grant by which one may do this: the first one, as the server chooses it. Null: there is none, or none is needed. */
export function grantFor(scope: Scope, runId: string | null): Grant | null {
  const known = rights.value;
  if (known === null || known === 'everybody') return null;
  const fits = ({ scopes, runs }: Grant) =>
    scopes.includes(scope) && (runId === null || runs.some((pattern) => matches(pattern, runId)));
  return known.find(fits) ?? null;
}

/** Whether credentials are needed here: then the server knows who does something. */
export const isNamed = computed(() => Array.isArray(rights.value));

/** Whether a name of a run is one of a pattern, in which `*` stands for any characters. */
export function matches(pattern: string, name: string): boolean {
  const [first = '', ...parts] = pattern.split('*');
  if (parts.length === 0) return pattern === name;
  const last = parts.pop() ?? '';
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const part of parts) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

let asking: Promise<void> | null = null;

/** Asks the server. Resolves when it is known, or can't be; at most one request is on its way. */
export function readRights(): Promise<void> {
  asking ??= ask()
    .catch(() => {}) // what was known stays
    .finally(() => (asking = null));
  return asking;
}

async function ask(): Promise<void> {
  const { mode, grants } = await me();
  if (mode !== 'token') rights.value = 'everybody';
  else if (Array.isArray(grants)) rights.value = grants.map(grantOf);
}

function grantOf({ expiresAt, ...told }: ToldGrant): Grant {
  return { ...told, expiresAt: expiresAt == null ? null : Date.parse(expiresAt) };
}
