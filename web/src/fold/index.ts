/**
 * The state of a run, folded from its events by the same rules as the server's. It begins empty, or with what the server
 * told with `resume=1`, and is brought up to date by events. Nothing here throws, whatever is in an event.
 *
 * The journal's time of an event is known of those that the server writes or stamps alone. Of all others the caller
 * passes the last time that is known, so `lastEventAt`, `elapsedMs` of a run that goes on, and `lastError.at` may be
 * earlier than the server's: at most by the time since the last event that has one, until the next that has one.
 */
import { ControlState } from './control/index.js';
import { isControl } from './control/kind.js';
import { RunState } from './fold.js';
import { type Json, type Members, object, text } from './json.js';
import { parseTime } from './timestamp.js';
import type { Overview, ShownTest } from './view.js';

export { keyOf, ofKey } from './key.js';
export type * from './control/view.js';
export type * from './view.js';

/** Types of events that the server alone writes and that are no control events: their `timestamp` is the server's. */
const SERVERS = new Set(['events_lost', 'sealed', 'artifact']);

/** When an event was stored, in milliseconds since 1970; undefined of one that does not say so. */
export function journalTime(event: Json): number | undefined {
  const members = object(event);
  const type = text(members?.['type']);
  if (members === undefined || type === undefined) return undefined;
  const isStamped = type === 'test_status' || isControl(type);
  const at = isStamped ? parseTime(text(members['at']) ?? '') : undefined;
  // That a run is lost is the server's word, which says no more.
  const isServers = SERVERS.has(type) || (type === 'run_status' && members['producer'] === undefined);
  return at ?? (isServers ? parseTime(text(members['timestamp']) ?? '') : undefined);
}

/** What has changed since it was last asked. */
export interface Changes {
  /** Keys of tests that are new or changed, or that belong to another variant now (`test` has nothing then). */
  tests: Set<string>;
  /** Whether anything was applied: the overview tells how much. */
  overview: boolean;
  /** Whether the control has changed: lease, commands, questions, pause, producers. */
  control: boolean;
}

export class RunFold {
  private overviewChanged = false;
  private controlChanged = false;

  private constructor(
    private readonly run: RunState,
    private readonly control: ControlState,
    /** The incarnation of the store that events are of; the connection tells of another one. */
    public epoch: string | null,
  ) {}

  /** A run before its first event. */
  static empty(runId: string, epoch: string | null = null): RunFold {
    return new RunFold(new RunState(runId), new ControlState(), epoch);
  }

  /** The state that the server told: the overview, and all tests in their order, both with `resume=1` and of one seq. */
  static from(overview: Overview, tests: readonly ShownTest[]): RunFold {
    return new RunFold(RunState.from(overview, tests), ControlState.from(overview), overview.epoch ?? null);
  }

  /** Seq of the last event applied; 0 before the first. */
  get seq(): number {
    return this.run.tip;
  }

  /** When the last event was stored, as far as that is known. */
  get lastEventAt(): number | undefined {
    return this.run.lastEventAt;
  }

  /**
   * Applies an event; one that was applied already changes nothing. `at`: when it was stored, in milliseconds; null: as
   * it says itself, or the last time that is known.
   */
  apply(seq: number, at: number | null, event: Json): void {
    if (seq <= this.run.tip) return;
    const members: Members | undefined = object(event);
    this.run.apply(seq, at ?? journalTime(event) ?? this.run.lastEventAt ?? sentAt(members), members);
    this.overviewChanged = true;
    if (members !== undefined && this.control.apply({ epoch: this.epoch, seq }, members)) this.controlChanged = true;
  }

  /** What `GET /api/runs/{runId}` answers, but for viewers, cursor and epoch. Nothing in it changes later. */
  view(): Overview {
    return { ...this.run.view(), ...this.control.view() };
  }

  /** All tests that are kept, in the order in which they first occurred. Those that have not changed are the same objects. */
  tests(): ShownTest[] {
    return this.run.tests.kept().map((test) => this.run.shown(test));
  }

  /** The test with this key (`keyOf`). */
  test(key: string): ShownTest | undefined {
    const test = this.run.tests.get(key);
    return test === undefined ? undefined : this.run.shown(test);
  }

  /** The key of the test that an event is about, as things stand now; undefined of one that is about none. */
  keyOf(event: Json): string | undefined {
    const members = object(event);
    return members === undefined ? undefined : this.run.keyOf(members);
  }

  /** What has changed since this was last asked. */
  takeChanges(): Changes {
    const changes = { tests: this.run.tests.changed, overview: this.overviewChanged, control: this.controlChanged };
    this.run.tests.changed = new Set();
    [this.overviewChanged, this.controlChanged] = [false, false];
    return changes;
  }

  /** Another fold that is the same now, and has no changes to tell. What does not change later is shared by both. */
  fork(): RunFold {
    return new RunFold(this.run.fork(), this.control.fork(), this.epoch);
  }
}

function sentAt(event: Members | undefined): number {
  return parseTime(text(event?.['timestamp']) ?? '') ?? 0;
}
