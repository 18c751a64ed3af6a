// Written by scripts/generate.mjs from docs/vocabulary.json.

import type { CommandEventBase, EventBase } from './event-base.js';

/** A producer skipped numbers with `Runcast-Producer-Gap: accept`: these events of it never came. */
export interface EventsLostEvent extends EventBase {
  type: 'events_lost';
  /** The producer's number of the first event that is missing. */
  from: number;
  /** Its number of the last. */
  to: number;
}

/** The run ended `journal.seal_hours` ago, and takes no more events. */
export interface SealedEvent extends EventBase {
  type: 'sealed';
}

/** An artifact of the run is ready. */
export interface ArtifactEvent extends EventBase {
  type: 'artifact';
  /** The artifact's id. */
  artifactId: string;
  /** Its name, as it was uploaded. */
  name: string;
  /** What it is. */
  kind: 'trace' | 'video' | 'screenshot' | 'log' | 'report' | 'other';
  /** Of the original. */
  contentType: string;
  /** Bytes of the original. */
  size: number;
  /** Bytes that are stored. */
  storedSize: number;
  /** How much less that is, in percent of the original. */
  savedPercent: number;
  /** Where it is downloaded. */
  downloadUrl: string;
  /** Where a trace opens in the trace viewer. */
  traceUrl?: string | null;
  /** The test that it belongs to. */
  test?: string | null;
}

/** The run, or a part of it, is to pause. */
export interface PauseRequestedEvent extends CommandEventBase {
  type: 'pause_requested';
  /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
  target?: Record<string, unknown> | null;
  /** When it ends by itself. */
  expiresAt: string;
  /** How long at most, in seconds; then the server lets it go on, or cancels it. */
  maxSecs: number;
  /** Pause at once, also where that may fail a step. */
  now?: boolean | null;
}

/** The run, or one test of it, is to stop. */
export interface CancelRequestedEvent extends CommandEventBase {
  type: 'cancel_requested';
  /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
  target?: Record<string, unknown> | null;
  /** The test; missing: the run. */
  testId?: string | null;
  /** The reason in words. */
  reason?: string | null;
}

/** The run is to go on. */
export interface ResumeRequestedEvent extends CommandEventBase {
  type: 'resume_requested';
  /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
  target?: Record<string, unknown> | null;
}

/** Whether a failing test is held open. */
export interface HoldRequestedEvent extends CommandEventBase {
  type: 'hold_requested';
  /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
  target?: Record<string, unknown> | null;
  /** When a test is held open. */
  when: 'failure' | 'never';
}

/** Instructions to the agent that runs the tests. */
export interface InstructionsUpdatedEvent extends CommandEventBase {
  type: 'instructions_updated';
  /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
  target?: Record<string, unknown> | null;
  /** The instructions. */
  instructions: string;
  /** Whether they follow the earlier ones. */
  mode: 'append' | 'replace';
}

/** A paused producer is to do one step and pause again. */
export interface StepRequestedEvent extends CommandEventBase {
  type: 'step_requested';
  /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
  target?: Record<string, unknown> | null;
  /** When it ends by itself. */
  expiresAt: string;
}

/** A paused producer is to run up to a line and pause again. */
export interface RunToRequestedEvent extends CommandEventBase {
  type: 'run_to_requested';
  /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
  target?: Record<string, unknown> | null;
  /** When it ends by itself. */
  expiresAt: string;
  /** `file:line`. */
  location: string;
}

/** Somebody acts by hand in the browser of a producer. */
export interface ActionQueuedEvent extends CommandEventBase {
  type: 'action_queued';
  /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
  target?: Record<string, unknown> | null;
  /** When it ends by itself. */
  expiresAt: string;
  /** What is done. A secret is never in it. */
  action: {
    /** The kind of action. */
    action: 'click' | 'fill' | 'type' | 'press' | 'hover' | 'select' | 'scroll' | 'navigate' | 'back' | 'upload';
    /** The element. */
    selector?: string | null;
    /** The point: `x` and `y`. */
    point?: Record<string, unknown> | null;
    /** What is typed, chosen or uploaded. */
    value?: unknown | null;
    /** What is typed is a secret, handed to the claimant alone. */
    secret?: boolean | null;
    /** The action in words. */
    description?: string | null;
    [member: string]: unknown;
  };
}

/** A step is to be skipped, retried, replaced, passed or failed. */
export interface StepOverrideQueuedEvent extends CommandEventBase {
  type: 'step_override_queued';
  /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
  target?: Record<string, unknown> | null;
  /** When it ends by itself. */
  expiresAt: string;
  /** What is to become of the step. */
  action: {
    /** Which of these. */
    type: 'skip' | 'retry' | 'replace' | 'pass' | 'fail';
    [member: string]: unknown;
  };
}

/** A step is to be done again. */
export interface ReplayStepRequestedEvent extends CommandEventBase {
  type: 'replay_step_requested';
  /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
  target?: Record<string, unknown> | null;
  /** When it ends by itself. */
  expiresAt: string;
  /** The step by its number. */
  stepNumber?: number | null;
  /** The step by its id. */
  stepId?: string | null;
}

/** A command is taken back by who gave it. */
export interface CommandWithdrawnEvent extends CommandEventBase {
  type: 'command_withdrawn';
  /** The command that is taken back. */
  withdraws: string;
}

/** A question of a producer has an answer: the first one wins. */
export interface AskAnsweredEvent extends CommandEventBase {
  type: 'ask_answered';
  /** The question. */
  askId: string;
  /** Whether it was answered, or refused. */
  resolution: 'resolved' | 'cancelled';
  /** The answer. A secret is never in it. */
  value?: unknown | null;
  /** The candidate that was chosen. */
  candidateId?: string | null;
  /** The point that was chosen: `x` and `y`. */
  point?: Record<string, unknown> | null;
  /** The answer is a secret, handed to the producer alone. */
  secret?: boolean | null;
  /** Until when the secret may be fetched. */
  expiresAt?: string | null;
}

/** A question of a producer may be answered for longer. */
export interface AskExtendedEvent extends CommandEventBase {
  type: 'ask_extended';
  /** The question. */
  askId: string;
  /** When it ends by itself. */
  expiresAt: string;
}

/** Somebody has taken control of the run. Its cursor is the lease. */
export interface ControlTakenEvent extends CommandEventBase {
  type: 'control_taken';
  /** It was taken from another. */
  steal?: boolean | null;
}

/** The lease on the run has ended. */
export interface ControlReleasedEvent extends EventBase {
  type: 'control_released';
  /** The lease that ended. */
  lease: string;
  /** Why it ended. */
  reason: 'released' | 'expired' | 'stolen';
  /** The command that released or took it. */
  commandId?: string | null;
  /** Recognises a repeat of the command: of its content, without `lease`. */
  digest?: string | null;
  /** Who wants it. */
  by?: {
    /** Who that is, the same at each request. */
    subject: string;
    /** The name for people. */
    name: string;
    /** What it is. */
    kind: 'human' | 'agent' | 'server';
    /** The way that it came. */
    via: 'ws' | 'http' | 'mcp' | 'server';
    /** Whether the server knows that it is so. */
    verified: boolean;
    [member: string]: unknown;
  } | null;
}

/** The store may have lost what was decided last: the lease is released, and what was being done is interrupted. */
export interface ControlResetEvent extends EventBase {
  type: 'control_reset';
}

/** Nobody has claimed a command in its time. */
export interface CommandExpiredEvent extends EventBase {
  type: 'command_expired';
  /** The command's id. */
  commandId: string;
}

/** A question of a producer has ended without an answer. */
export interface AskExpiredEvent extends EventBase {
  type: 'ask_expired';
  /** The question. */
  askId: string;
  /** Why it ended. */
  reason: 'timeout' | 'interrupted';
  /** What its producer announced to do then. */
  action?: 'fail' | 'skip' | 'continue' | 'wait' | null;
  /** What its producer announced to go on with. */
  value?: unknown | null;
}

/** The answer to a question was a secret that is lost: it is to be answered anew. */
export interface AskReopenedEvent extends EventBase {
  type: 'ask_reopened';
  /** The question. */
  askId: string;
  /** Why. */
  reason: 'secret_lost';
  /** When it ends by itself. */
  expiresAt: string;
}

/** A producer that has joined is silent, is back, or is given up. */
export interface ProducerStatusEvent extends EventBase {
  type: 'producer_status';
  /** How it stands. */
  status: 'silent' | 'back' | 'lost';
}

/** Shards that were announced have not joined in time: they are not waited for any more. */
export interface ShardsGivenUpEvent extends EventBase {
  type: 'shards_given_up';
}
