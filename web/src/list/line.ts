/** The second line of a run: what one would ask next. Pure. */
import { clockTime, timeOfDay } from '../ui/format.js';
import type { RunRow } from './rows.js';

export interface Line {
  kind: 'ask' | 'error' | 'pause' | 'plain';
  text: string;
  /** Time that is left, for the end of the line. */
  left: string | null;
}

const line = (kind: Line['kind'], text: string, left: string | null = null): Line => ({ kind, text, left });

/** `by ada` without seconds. */
const toMinute = (at: number) => timeOfDay(at, true).slice(0, 5);

/** What the line says now; null: nothing is known. */
export function lineOf(row: RunRow, now: number): Line | null {
  const { ask, paused, firstError, meta, workers } = row;
  if (row.word === 'needs_you') {
    const left = ask?.expiresAt == null ? null : clockTime(Math.max(0, ask.expiresAt - now));
    return line('ask', ask?.question || 'Somebody is asked', left);
  }
  if (row.word === 'paused') {
    const by = paused?.by ? `by ${paused.by}` : 'paused';
    return line('pause', paused?.until == null ? by : `${by}, goes on at ${toMinute(paused.until)}`);
  }
  if (row.word === 'stalled') return line('plain', `no sign of its workers since ${toMinute(row.lastEventAt)}`);
  if (firstError !== null && row.word !== 'passed' && row.word !== 'cancelled') {
    return line('error', firstError.title === null ? firstError.message : `${firstError.title}: ${firstError.message}`);
  }
  if (row.word === 'lost') return line('plain', `no sign of it since ${toMinute(row.lastEventAt)}`);
  if (row.word === 'waiting' || row.word === 'queued') return line('plain', 'waits for a worker');
  if (!row.over) {
    const parts = workers === null || workers === 0 ? [] : [`${workers.toLocaleString('en')} ${workers === 1 ? 'worker' : 'workers'}`];
    const left = leftMs(row, now);
    if (left !== null) parts.push(leftWords(left));
    if (parts.length > 0) return line('plain', parts.join(', '));
  }
  if (meta.title !== undefined) return line('plain', meta.title);
  return row.tests === null ? line('plain', `${row.events.toLocaleString('en')} ${row.events === 1 ? 'event' : 'events'}`) : null;
}

/** How long a run took so far. */
export function elapsed(row: RunRow, now: number): number {
  if (row.over) return row.elapsedMs ?? Math.max(0, (row.endedAt ?? row.lastEventAt) - row.startedAt);
  return Math.max(row.elapsedMs ?? 0, now - row.startedAt);
}

/** About how much longer a run takes; null: that can't be said yet. */
export function leftMs(row: RunRow, now: number): number | null {
  const { tests } = row;
  if (tests === null || tests.total === 0 || tests.done < Math.max(3, tests.total / 20)) return null;
  return (elapsed(row, now) / tests.done) * (tests.total - tests.done);
}

/** `about 3 min left`, `about 20 s left`. */
export function leftWords(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  if (seconds < 60) return `about ${seconds < 10 ? seconds : Math.round(seconds / 10) * 10} s left`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `about ${minutes} min left` : `about ${Math.round(minutes / 60)} h left`;
}
