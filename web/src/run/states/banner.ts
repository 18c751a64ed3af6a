/** The sentence above the panes: what is not as usual, what it means, and what one can do. */
import type { Connection, Head, Moment, Notice } from '../../model.js';
import { clockTime, count, dateText, plural, timeOfDay } from '../../ui/format.js';
import type { IconName } from '../../ui/icons.js';
import { oneLine } from '../../ui/text.js';
import type { Tone } from '../../ui/status.js';

/** What one can do about it. */
export type Act = 'retry' | 'live' | 'answer' | 'reload' | 'runs' | 'dismiss';

export interface Banner {
  /** Which one it is: the same as long as it is about the same. */
  id: string;
  tone: Tone;
  icon: IconName;
  /** What is so. */
  strong: string;
  /** What it means. */
  text: string;
  acts: Act[];
}

export interface Told {
  head: Head | null;
  connection: Connection | null;
  moment: Moment;
  /** Those that nobody has put away. */
  notices: readonly Notice[];
  now: number;
  /** Whether this machine has a network, as far as the browser knows. */
  online?: boolean;
  /** A question is open, and the page shows something else. */
  asksElsewhere: boolean;
  /** The share link by which one watches, if that is to be said. */
  guest?: { expiresAt: number | null } | null;
}

/** How long something may last before it is said, in milliseconds. */
const SOON_MS = 400;

/** The sentences to show, the most important first. */
export function bannersOf(told: Told): Banner[] {
  const { moment, head } = told;
  return [
    finalOf(told.connection, head),
    moment.live ? null : pastOf(moment, told.connection, head),
    linkOf(told),
    told.asksElsewhere ? askOf(head, told.now) : null,
    moment.live ? workersOf(head, told.now) : null,
    ...told.notices.map(noticeOf),
    told.guest == null || finalOf(told.connection, head) !== null ? null : guestOf(told.guest),
  ].filter((banner) => banner !== null);
}

/** Closed for good: what it is, and what helps. */
function finalOf(connection: Connection | null, head: Head | null): Banner | null {
  const known = head === null || head.seq === 0 ? '' : ` What you see ends with event ${count(head.seq)}.`;
  const banner = (strong: string, text: string, acts: Act[]): Banner => {
    return { id: `final ${strong}`, tone: 'fail', icon: 'interrupted', strong, text: text + known, acts };
  };
  switch (connection?.closeCode) {
    case 1008:
      return banner(
        'The server refused this page.',
        'It does not allow what the page asked for, maybe from this address.',
        ['reload'],
      );
    case 4401:
      return banner(
        'You are not signed in, or no longer.',
        'Open the link anew that you were given, ask for a new one, or sign in.',
        ['reload'],
      );
    case 4403:
      return banner('You may not watch this run.', 'Ask whoever sent you the link for access to its project.', [
        'runs',
      ]);
    case 4410:
      return banner('The run is gone.', 'It has expired, or somebody deleted it.', ['runs']);
    default:
      return null;
  }
}

function pastOf(moment: Moment, connection: Connection | null, head: Head | null): Banner {
  const tip = Math.max(connection?.tip ?? 0, moment.seq);
  const when = moment.at === null ? `event ${count(moment.seq)}` : timeOfDay(moment.at, true);
  return {
    id: 'past',
    tone: 'flaky',
    icon: 'clock',
    strong: moment.loading ? `Going to ${when}…` : `You look at ${when}`,
    text: `(event ${count(moment.seq)} of ${count(tip)})${head?.over ? '' : ', the run goes on'}`,
    acts: ['live'],
  };
}

function linkOf({ connection, head, now, online = true }: Told): Banner | null {
  if (connection === null || finalOf(connection, head) !== null || now - connection.since < SOON_MS) return null;
  const seen = head === null || head.seq === 0 ? '' : `You see events up to ${count(head.seq)}. `;
  const why = whyOf(connection.error, online);
  switch (connection.status) {
    case 'reconnecting': {
      const seconds = connection.retryAt === null ? null : Math.max(0, Math.ceil((connection.retryAt - now) / 1_000));
      const next = seconds === null || seconds === 0 ? 'Trying again now.' : `Trying again in ${seconds} s.`;
      return {
        id: 'reconnecting',
        tone: 'pause',
        icon: 'lost',
        strong: `Connection lost at ${timeOfDay(connection.since, true)}.`,
        text: `${seen}${next}${why}`,
        acts: ['retry'],
      };
    }
    case 'catching-up': {
      if (connection.tip - connection.seq < 1_000) return null; // that is done before it is read
      return {
        id: 'catching-up',
        tone: 'run',
        icon: 'clock',
        strong: 'Catching up:',
        text: `${count(connection.seq)} of ${count(connection.tip)} events.`,
        acts: [],
      };
    }
    case 'connecting':
      if (head === null) return null; // the page says it in its middle
      return {
        id: 'connecting',
        tone: 'dim',
        icon: 'clock',
        strong: 'Connecting…',
        text: `${seen}${why.trim()}`.trim(),
        acts: [],
      };
    case 'closed':
      if (head?.over) return null;
      return {
        id: 'closed',
        tone: 'pause',
        icon: 'lost',
        strong: 'Not connected.',
        text: `${seen}${why.trim()}`.trim(),
        acts: ['retry'],
      };
    default:
      if (connection.error === null) return null;
      return {
        id: `error ${connection.error}`,
        tone: 'pause',
        icon: 'lost',
        strong: 'Something is missing.',
        text: why.trim(),
        acts: [],
      };
  }
}

function askOf(head: Head | null, now: number): Banner | null {
  const ask = head?.asks[0];
  if (ask === undefined) return null;
  const left = ask.expiresAt === null ? '' : clockTime(ask.expiresAt - now);
  return {
    id: `ask ${ask.askId}`,
    tone: 'ai',
    icon: 'ask',
    strong: oneLine(ask.question, 200),
    text: left,
    acts: ['answer'],
  };
}

function workersOf(head: Head | null, now: number): Banner | null {
  if (head === null) return null;
  if (head.word === 'stalled') {
    const since = head.lastEventAt === null ? '' : ` for ${spanText(now - head.lastEventAt)}`;
    return {
      id: 'stalled',
      tone: 'pause',
      icon: 'lost',
      strong: `No sign of the workers${since}.`,
      text: 'The run is called lost if none comes. Look at the job that runs the tests.',
      acts: [],
    };
  }
  if (head.over) return errorOf(head);
  const waits = head.shards.find(({ waiting }) => waiting);
  if (waits !== undefined && waits.missing.length > 0) {
    const of = waits.variant === null ? '' : ` of ${oneLine(waits.variant, 40)}`;
    return {
      id: 'shards',
      tone: 'dim',
      icon: 'clock',
      strong: `Waiting for ${shardsText(waits.missing)} of ${waits.total}${of}.`,
      text: `${plural(waits.joined, 'shard')} so far.`,
      acts: [],
    };
  }
  const silent = head.producers.filter(({ state }) => state === 'silent' || state === 'lost');
  if (silent.length > 0 && silent.length < head.producers.length) {
    const names = silent
      .map(({ shard, producer }) => (shard === null ? oneLine(producer, 12) : `shard ${shard.current}`))
      .slice(0, 3);
    return {
      id: 'silent',
      tone: 'pause',
      icon: 'lost',
      strong: `No sign of ${names.join(', ')}${silent.length > 3 ? ' and others' : ''}.`,
      text: 'The others go on.',
      acts: [],
    };
  }
  return errorOf(head);
}

/** An error outside of all tests, where no test tells what is wrong. */
function errorOf({ lastError, counts }: Head): Banner | null {
  if (lastError === null || counts.failed > 0) return null;
  return {
    id: `run ${lastError.at}`,
    tone: 'fail',
    icon: 'failed',
    strong: 'Error outside of the tests:',
    text: oneLine(lastError.message, 300),
    acts: [],
  };
}

function guestOf({ expiresAt }: { expiresAt: number | null }): Banner {
  const until = expiresAt === null ? '' : `, until ${dateText(expiresAt)}`;
  const strong = `You watch by a share link${until}.`;
  return { id: 'guest', tone: 'dim', icon: 'link', strong, text: '', acts: ['dismiss'] };
}

function noticeOf(notice: Notice): Banner {
  switch (notice.kind) {
    case 'gap':
      return {
        id: `gap ${notice.from}`,
        tone: 'dim',
        icon: 'interrupted',
        strong: `Events ${count(notice.from)} to ${count(notice.to)} have expired.`,
        text: 'What they led to is here; what they said is not.',
        acts: ['dismiss'],
      };
    case 'reset':
      return {
        id: `reset ${notice.from}`,
        tone: 'pause',
        icon: 'interrupted',
        strong: 'The store lost its last writes.',
        text: `Events from ${count(notice.from)} on were taken back.`,
        acts: ['dismiss'],
      };
    case 'missed':
      return {
        id: `missed ${notice.from}`,
        tone: 'run',
        icon: 'passed',
        strong: `${plural(notice.events, 'event')} arrived meanwhile.`,
        text: 'Nothing is missing.',
        acts: ['dismiss'],
      };
  }
}

/** `shard 2`, `shards 2 and 3`, `shards 2, 3 and 7 others`. */
export function shardsText(missing: readonly number[]): string {
  if (missing.length === 1) return `shard ${missing[0]}`;
  if (missing.length === 2) return `shards ${missing[0]} and ${missing[1]}`;
  if (missing.length === 3) return `shards ${missing[0]}, ${missing[1]} and ${missing[2]}`;
  return `shards ${missing[0]}, ${missing[1]} and ${missing.length - 2} others`;
}

/** `40 s`, `2 min`, `3 h`. */
function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  return seconds < 90
    ? `${seconds} s`
    : seconds < 5_400
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3_600)} h`;
}

/** Why there is no connection, as a sentence; empty where that says no more than that it is lost. */
function whyOf(error: string | null, online: boolean): string {
  if (!online) return ' This machine is offline.';
  if (error === null || error === 'the connection broke') return '';
  if (error === 'no WebSocket' || /fetch/iu.test(error)) return ' The server does not answer.';
  const line = oneLine(error, 200);
  return ` ${line.charAt(0).toUpperCase()}${line.slice(1)}${/[.!?…]$/u.test(line) ? '' : '.'}`;
}
