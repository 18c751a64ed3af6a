/** The run, or the target of it, is to pause. Nobody needs the lease for it. */
export interface PauseCommand {
    type: 'pause';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** Who is meant: `producer`, `testId`, or `slot` with `producer` and `slot`. */
    target?: Record<string, unknown> | null;
    /** How long at most; then the server lets the run go on, or cancels it. */
    maxSecs?: number | null;
    /** Pause at once, also where that may fail a step. */
    now?: boolean | null;
}
/** The run, or one test of it, is to stop. People do not need the lease for it. */
export interface CancelCommand {
    type: 'cancel';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** Who is meant: `producer`, `testId`, or `slot` with `producer` and `slot`. */
    target?: Record<string, unknown> | null;
    /** The test; missing: the run. */
    testId?: string | null;
    /** The reason in words. */
    reason?: string | null;
}
/** The run, or the target of it, is to go on. */
export interface ResumeCommand {
    type: 'resume';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** Who is meant: `producer`, `testId`, or `slot` with `producer` and `slot`. */
    target?: Record<string, unknown> | null;
}
/** Whether a failing test is held open. */
export interface HoldCommand {
    type: 'hold';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** Who is meant: `producer`, `testId`, or `slot` with `producer` and `slot`. */
    target?: Record<string, unknown> | null;
    /** When a test is held open. */
    when: 'failure' | 'never';
}
/** Instructions to the agent that runs the tests. */
export interface UpdateInstructionsCommand {
    type: 'update_instructions';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** Who is meant: `producer`, `testId`, or `slot` with `producer` and `slot`. */
    target?: Record<string, unknown> | null;
    /** The instructions. */
    instructions: string;
    /** Whether they follow the earlier ones, or replace them. */
    mode: 'append' | 'replace';
}
/** A paused producer is to do one step and pause again. */
export interface StepCommand {
    type: 'step';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** Who is meant: `producer`, `testId`, or `slot` with `producer` and `slot`. */
    target?: Record<string, unknown> | null;
    /** How long it may wait for a producer: 1 to 3600, 60 if missing. */
    expiresInSecs?: number | null;
}
/** A paused producer is to run up to a line and pause again. */
export interface RunToCommand {
    type: 'run_to';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** Who is meant: `producer`, `testId`, or `slot` with `producer` and `slot`. */
    target?: Record<string, unknown> | null;
    /** How long it may wait for a producer: 1 to 3600, 60 if missing. */
    expiresInSecs?: number | null;
    /** `file:line`. */
    location: string;
}
/** An action by hand in the browser of a producer. */
export interface ManualActionCommand {
    type: 'manual_action';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** Who is meant: `producer`, `testId`, or `slot` with `producer` and `slot`. */
    target?: Record<string, unknown> | null;
    /** How long it may wait for a producer: 1 to 3600, 60 if missing. */
    expiresInSecs?: number | null;
    /** `action` is `click`, `fill`, `type`, `press`, `hover`, `select`, `scroll`, `navigate`, `back` or `upload`; `selector`, `point`, `value`, `description`; `secret` in place of `value` never enters the log. */
    action: Record<string, unknown>;
}
/** A step is to be skipped, retried, replaced, passed or failed. */
export interface StepOverrideCommand {
    type: 'step_override';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** Who is meant: `producer`, `testId`, or `slot` with `producer` and `slot`. */
    target?: Record<string, unknown> | null;
    /** How long it may wait for a producer: 1 to 3600, 60 if missing. */
    expiresInSecs?: number | null;
    /** `type` is `skip`, `retry`, `replace`, `pass` or `fail`. */
    action: Record<string, unknown>;
}
/** A step is to be done again. */
export interface ReplayStepCommand {
    type: 'replay_step';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** Who is meant: `producer`, `testId`, or `slot` with `producer` and `slot`. */
    target?: Record<string, unknown> | null;
    /** How long it may wait for a producer: 1 to 3600, 60 if missing. */
    expiresInSecs?: number | null;
    /** The step by its number. */
    stepNumber?: number | null;
    /** The step by its id. */
    stepId?: string | null;
}
/** The answer to a producer's question: the first one wins. The value for a `credential` never enters the log. */
export interface AnswerCommand {
    type: 'answer';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** The question. */
    askId: string;
    /** The answer. */
    value?: unknown | null;
    /** The candidate that is chosen. */
    candidateId?: string | null;
    /** The point that is chosen: `x` and `y`. */
    point?: Record<string, unknown> | null;
    /** `cancelled` refuses to answer. */
    resolution?: 'resolved' | 'cancelled' | null;
}
/** A question may be answered for longer. */
export interface ExtendCommand {
    type: 'extend';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** The question. */
    askId: string;
    /** How long, from now. */
    secs: number;
}
/** A command that nobody has begun is taken back; one's own needs no lease. */
export interface WithdrawCommand {
    type: 'withdraw';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** The command that is taken back. */
    withdraws: string;
}
/** The sender takes control of the run: only it may do what needs the lease from now on. */
export interface TakeControlCommand {
    type: 'take_control';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
    /** Take it from an equal who has it. */
    steal?: boolean | null;
}
/** The sender gives control of the run back. */
export interface ReleaseControlCommand {
    type: 'release_control';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
}
/** The sender is still there. It is a sign of life, and leaves nothing in the log. */
export interface RenewControlCommand {
    type: 'renew_control';
    /** A UUIDv7, by which the command is known and may be repeated; made if missing. */
    commandId?: string | null;
    /** The lease under which it is given: refused when it is the run's no more. */
    lease?: string | null;
    /** How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused. */
    expect?: Record<string, unknown> | null;
}
/** What may be asked of a run. */
export type Command = PauseCommand | CancelCommand | ResumeCommand | HoldCommand | UpdateInstructionsCommand | StepCommand | RunToCommand | ManualActionCommand | StepOverrideCommand | ReplayStepCommand | AnswerCommand | ExtendCommand | WithdrawCommand | TakeControlCommand | ReleaseControlCommand | RenewControlCommand;
