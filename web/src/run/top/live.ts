/** Whether what one sees is how it is now, in a few words; and if not, what it is. */
import type { Connection, Head, Moment } from '../../model.js';
import { ago, clockTime, count, duration, timeOfDay } from '../../ui/format.js';

export interface Live {
  /** The dot: blue and breathing; amber in the past; grey else. */
  dot: 'live' | 'past' | 'off';
  strong: string;
  text: string;
  /** The text where there is little room; missing: the same. */
  short?: string;
}

/** Words for codes after which nothing is tried again. */
const REFUSED: Record<number, string> = {
  1008: 'refused',
  4401: 'sign in',
  4403: 'not allowed',
  4410: 'the run is gone',
};

export function liveOf(head: Head | null, connection: Connection | null, moment: Moment, now: number): Live {
  if (connection?.closeCode != null && connection.closeCode in REFUSED) {
    return { dot: 'off', strong: 'Not live', text: REFUSED[connection.closeCode] ?? '' };
  }
  if (!moment.live) {
    const at = moment.at === null ? `event ${count(moment.seq)}` : timeOfDay(moment.at, true);
    return { dot: 'past', strong: 'Past', text: moment.loading ? `${at}, loading` : at };
  }
  if (head?.over) {
    if (head.endedAt === null) return { dot: 'off', strong: 'Ended', text: '' };
    return { dot: 'off', strong: 'Ended', text: endText(head.endedAt, now), short: ago(head.endedAt, now) };
  }
  switch (connection?.status) {
    case 'live':
      if (head?.word === 'waiting')
        return { dot: 'live', strong: 'Live', text: 'the first event shows at once', short: '' };
      return { dot: 'live', strong: 'Live', text: behindText(connection.behindMs) };
    case 'polling':
      return { dot: 'live', strong: 'Live', text: 'by asking again and again', short: '' };
    case 'catching-up':
      return { dot: 'off', strong: 'Catching up', text: `${count(connection.seq)} of ${count(connection.tip)}` };
    case 'reconnecting':
      return { dot: 'off', strong: 'Reconnecting', text: retryText(connection.retryAt, now) };
    case 'closed':
      return { dot: 'off', strong: 'Not live', text: connection.error ?? '' };
    default:
      return { dot: 'off', strong: 'Connecting', text: '' };
  }
}

/** `0.4 s behind`. */
export function behindText(ms: number | null): string {
  if (ms === null) return '';
  return `${ms < 60_000 ? duration(Math.max(ms, 100)) : clockTime(ms)} behind`;
}

/** `in 2 s`, `now`. */
export function retryText(at: number | null, now: number): string {
  if (at === null) return '';
  const seconds = Math.ceil((at - now) / 1_000);
  return seconds <= 0 ? 'now' : `in ${seconds} s`;
}

function endText(at: number, now: number): string {
  const since = ago(at, now);
  return now - at < 86_400_000 ? `${timeOfDay(at, true)}, ${since}` : `${since}, ${timeOfDay(at, true)}`;
}
