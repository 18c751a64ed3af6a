/** The control of a run as `GET /api/runs/{runId}` shows it, with the member that `resume=1` adds. */
import type { RunStatus } from '../status.js';
import type { Shard } from '../view.js';

/** Who wants something. */
export interface Principal {
  subject: string;
  name: string;
  kind: 'human' | 'agent' | 'server';
  via: 'ws' | 'http' | 'mcp' | 'server';
  verified: boolean;
}

export type CommandState =
  'queued' | 'accepted' | 'done' | 'failed' | 'rejected' | 'expired' | 'withdrawn' | 'superseded' | 'interrupted';

/** Who a command is for; without anything in it: everybody. */
export interface CommandTarget {
  producer?: string;
  slot?: { producer: string; slot: number };
  testId?: string;
}

export interface ShownCommand {
  commandId: string;
  type: string;
  state: CommandState;
  cursor: string;
  at: string;
  by: Principal;
  target?: CommandTarget;
  expiresAt?: string;
  /** Who has claimed it. */
  producer?: string;
  claim?: string;
  /** What producers have reported of a state. */
  producers?: Record<string, CommandState>;
  detail?: string;
  result?: unknown;
  /** The event, of those that are open. */
  event?: unknown;
}

export interface ShownAsk {
  askId: string;
  producer: string;
  cursor: string;
  at: string;
  needs: string;
  expiresAt: string | null;
  onTimeout: 'fail' | 'skip' | 'continue' | 'wait';
  secret: boolean;
  event?: unknown;
}

export interface ShownProducer {
  producer: string;
  state: 'joined' | 'silent' | 'lost' | 'left';
  status: RunStatus | null;
  joinedAt: string;
  can?: readonly string[];
  slots?: number;
  variant?: string;
  shard?: Shard;
}

export interface ResumedWorker {
  producer: string;
  joined: boolean;
  announced?: string;
  hasShard?: boolean;
}

export interface ResumedCommand {
  commandId: string;
  /** The whole command, of one that is not shown. */
  shown?: ShownCommand;
  stands?: boolean;
  hasSecret?: boolean;
  testId?: string;
  askId?: string;
  isSet?: boolean;
}

export interface ResumedAsk extends ShownAsk {
  state: string;
  commandId?: string;
}

export interface ControlResume {
  at: string;
  status: RunStatus | null;
  pausedMs: number;
  producers: ResumedWorker[];
  commands: ResumedCommand[];
  finished: string[];
  used: string[];
  asks: ResumedAsk[];
}

export interface ControlView {
  control: {
    cursor: string | null;
    lease: string | null;
    holder: Principal | null;
    since: string | null;
    resume?: ControlResume;
  };
  commands: ShownCommand[];
  asks: ShownAsk[];
  paused: { since: string; until: string; by: Principal; earlierMs: number } | null;
  producers: ShownProducer[];
}
