/** Who else looks at the run while it waits for an answer. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { oneLine } from '../../ui/text.js';
import { grantFor, readRights, rights } from '../../ui/rights.js';
import { who } from '../../ui/who.js';
import { mayControl } from '../rights.js';
import { head } from '../store.js';

/** How often it is looked up, in milliseconds. */
const EACH_MS = 10_000;

const names = signal<string[]>([]);

async function lookUp(runId: string, signal: AbortSignal): Promise<void> {
  if (rights.peek() === null) await readRights();
  if (!mayControl.peek()) return void (names.value = []); // who watches is told to whoever may steer
  const answer = await fetch(`/api/runs/${encodeURIComponent(runId)}/viewers?details=1&limit=20`, { signal });
  if (answer.status === 401 || answer.status === 403) void readRights();
  if (!answer.ok) return;
  const { sessions = [] } = (await answer.json()) as { sessions?: { userId?: unknown }[] };
  // Where the server knows who asks, it calls one as one's credentials do.
  const own = new Set([grantFor('view', runId)?.name ?? who.name.peek(), grantFor('control', runId)?.name]);
  const others = sessions
    .map(({ userId }) => userId)
    .filter((name): name is string => typeof name === 'string' && name !== '' && !own.has(name));
  names.value = [...new Set(others)];
}

/** `Ada is looking too`; empty: nobody is known by name. */
export function useLookers(): string {
  const runId = head.value?.runId ?? null;
  useEffect(() => {
    if (runId === null) return;
    const ends = new AbortController();
    const look = () => document.hidden || void lookUp(runId, ends.signal).catch(() => {});
    look();
    const timer = setInterval(look, EACH_MS);
    return () => (clearInterval(timer), ends.abort());
  }, [runId]);
  const [first, second, ...more] = names.value;
  if (first === undefined) return '';
  if (second === undefined) return `${oneLine(first, 30)} is looking too`;
  const rest = more.length === 0 ? '' : ` and ${more.length} more`;
  return `${oneLine(first, 30)}${rest === '' ? ' and ' : ', '}${oneLine(second, 30)}${rest} are looking too`;
}
