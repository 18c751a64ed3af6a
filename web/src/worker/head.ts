/** The run as a whole, as the page shows it. */
import type { Ask, Candidate, Command, Head, Meta, Producer, TestKey } from '../model.js';
import { boxOf, errorOf, listOf, type Members, membersOf, numberOf, seqOf, textOf, textsOf, timeOf } from './read.js';
import type { Slots } from './slots.js';
import { isHeld, type Steered, targetOf } from './steered.js';
import { FINAL, type RunState } from './state.js';
import { countsOf, elapsedOf, totalOf, wordOf } from './words.js';

/** What a head is made with. */
export interface HeadView {
  seq: number;
  slots: Slots;
  now: number;
  leftMs: number | null;
  viewers: number | null;
  firstAvailable: number;
  holds: boolean;
  /** Missing: no events were seen. */
  steered?: Steered;
  /** Whether somebody is the one that this page is. */
  isMe(subject: string, lease: string | null): boolean;
  keyOf(event: Members): TestKey | null;
}

export function headOf(state: RunState, view: HeadView): Head {
  const producers = (state.producers ?? []).map(producerOf);
  const over = state.status !== null && FINAL.has(state.status);
  const control = state.control ?? { lease: null, holder: null, since: null };
  const { elapsedMs, ticking } = elapsedOf(state, view.now);
  const paused = state.paused;
  return {
    runId: state.runId,
    seq: view.seq,
    word: wordOf(state, producers),
    status: state.status,
    over,
    counts: countsOf(state),
    total: totalOf(state),
    startedAt: timeOf(state.startedAt),
    endedAt: timeOf(state.endedAt),
    lastEventAt: timeOf(state.lastEventAt),
    elapsedMs,
    elapsedAt: view.now,
    ticking,
    leftMs: over ? null : view.leftMs,
    meta: metaOf(state.meta),
    workers: state.workers,
    lastError:
      state.lastError === null ? null : { message: state.lastError.message, at: timeOf(state.lastError.at) ?? 0 },
    variants: state.variants.map(({ variant }) => variant).filter((one) => one !== null),
    shards: state.shards.map(({ variant, total, joined, missing, waiting }) => ({
      variant: variant ?? null,
      total,
      joined,
      missing,
      waiting,
    })),
    slots: view.slots.list((producer) => isHeld(state, producer)),
    producers,
    control: {
      holder: control.holder,
      lease: control.lease,
      since: timeOf(control.since),
      mine: control.holder !== null && view.isMe(control.holder.subject, control.lease),
      wantedBy: view.steered?.wantedBy ?? null,
    },
    paused:
      paused == null ? null : { since: timeOf(paused.since) ?? 0, until: timeOf(paused.until) ?? 0, by: paused.by },
    commands: (state.commands ?? []).map(commandOf),
    asks: (state.asks ?? []).map((ask) => askOf(ask, view)),
    endedAsks: view.steered?.endedAsks ?? [],
    holdsOnFailure: view.holds,
    steerable:
      !over &&
      producers.some(({ state: is, can }) => (is === 'joined' || is === 'silent') && (can === null || can.length > 0)),
    viewers: view.viewers,
    firstAvailable: view.firstAvailable,
  };
}

/** The head of a run to which nothing was posted. */
export function emptyState(runId: string): RunState {
  return {
    runId,
    status: null,
    startedAt: null,
    endedAt: null,
    lastEventAt: null,
    elapsedMs: null,
    events: 0,
    total: null,
    workers: null,
    meta: null,
    lastError: null,
    counts: {},
    outcomes: {},
    variants: [],
    shards: [],
  };
}

function metaOf(members: Members | null): Meta {
  const { project, number, title, branch, commit, author, ciUrl, labels } = membersOf(members);
  const texts = { project, title, branch, commit, author, ciUrl };
  const meta: Meta = Object.fromEntries(Object.entries(texts).filter(([, value]) => typeof value === 'string'));
  if (typeof number === 'number') meta.number = number;
  if (textsOf(labels).length > 0) meta.labels = textsOf(labels);
  return meta;
}

function producerOf(members: Members): Producer {
  const { producer, state, variant, shard, can } = members;
  const { current, total } = membersOf(shard);
  return {
    producer: textOf(producer) ?? '-',
    state: textOf(state) ?? 'joined',
    variant: textOf(variant),
    shard: typeof current === 'number' && typeof total === 'number' ? { current, total } : null,
    can: Array.isArray(can) ? textsOf(can) : null,
  };
}

function commandOf(members: Members): Command {
  const { commandId, type, state, at, by, cursor, expiresAt, producer, detail, result, event } = members;
  const { subject, name, kind } = membersOf(by);
  return {
    commandId: textOf(commandId) ?? '',
    type: textOf(type) ?? '',
    state: textOf(state) ?? '',
    at: timeOf(at) ?? 0,
    by: { subject: textOf(subject) ?? '', name: textOf(name) ?? '', kind: textOf(kind) ?? '' },
    seq: seqOf(cursor) ?? 0,
    expiresAt: timeOf(expiresAt),
    producer: textOf(producer),
    detail: textOf(detail),
    result: result ?? null,
    target: targetOf(members),
    event: event == null ? null : membersOf(event),
  };
}

function askOf(members: Members, view: HeadView): Ask {
  const event = membersOf(members['event']);
  const said = members['onTimeout'] ?? event['onTimeout'];
  const onTimeout = typeof said === 'string' ? said : textOf(membersOf(said)['action']);
  const { value } = membersOf(event['onTimeout']);
  const { attempts } = event;
  return {
    askId: textOf(members['askId']) ?? '',
    seq: seqOf(members['cursor']) ?? 0,
    at: timeOf(members['at']) ?? 0,
    producer: textOf(members['producer']) ?? '-',
    test: view.keyOf(event),
    needs: textOf(members['needs']) ?? 'decision',
    question:
      textOf(event['message']) ??
      textOf(event['question']) ??
      textOf(event['summary']) ??
      textOf(event['reason']) ??
      '',
    goal: textOf(event['goal']),
    attempts: Array.isArray(attempts) ? attempts.map(shownOf) : attempts == null ? [] : [shownOf(attempts)],
    lastError: errorOf(event['lastError'])?.message ?? null,
    candidates: listOf(event['candidates']).flatMap(candidateOf),
    screenshot: textOf(event['screenshot']),
    url: textOf(event['url']),
    expiresAt: timeOf(members['expiresAt']),
    onTimeout: onTimeout ?? 'wait',
    onTimeoutValue: value == null ? null : shownOf(value),
    secret: members['secret'] === true,
  };
}

function shownOf(value: unknown): string {
  if (typeof value === 'number') return value === 1 ? 'Tried once' : `Tried ${value} times`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function candidateOf(value: unknown): Candidate[] {
  const { id, label, selector, box, score } = membersOf(value);
  if (typeof id !== 'string') return [];
  return [{ id, label: textOf(label) ?? id, selector: textOf(selector), box: boxOf(box), score: numberOf(score) }];
}
