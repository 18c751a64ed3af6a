/** The version of this package. */
export declare const VERSION = "0.1.0";
/** How the server closes a WebSocket; `code` is null where it only breaks the connection. */
export declare const CLOSE_CODES: readonly [{
    readonly code: 1000;
    readonly reason: 'normal';
    readonly reconnect: 'never';
    readonly when: 'The client closed, or there is nothing more to send.';
}, {
    readonly code: 1001;
    readonly reason: 'going_away';
    readonly reconnect: 'back_off';
    readonly when: 'The node stops without having drained.';
}, {
    readonly code: 1002;
    readonly reason: 'protocol';
    readonly reconnect: 'never';
    readonly when: 'The client broke RFC 6455.';
}, {
    readonly code: 1007;
    readonly reason: 'invalid_text';
    readonly reconnect: 'never';
    readonly when: 'A text frame or a close reason of the client was not UTF-8.';
}, {
    readonly code: 1008;
    readonly reason: 'policy';
    readonly reconnect: 'never';
    readonly when: 'The client did what this server does not allow.';
}, {
    readonly code: 1009;
    readonly reason: 'too_large';
    readonly reconnect: 'never';
    readonly when: 'The client sent a larger frame or message than it may.';
}, {
    readonly code: 1011;
    readonly reason: 'internal';
    readonly reconnect: 'back_off';
    readonly when: 'The session failed.';
}, {
    readonly code: 1012;
    readonly reason: 'restart';
    readonly reconnect: 'at_once';
    readonly when: 'The node drains: come back at once, and meet another node or the new process.';
}, {
    readonly code: 1013;
    readonly reason: 'try_again';
    readonly reconnect: 'back_off';
    readonly when: 'The run\'s room failed and is built anew, or waits in quarantine.';
}, {
    readonly code: 1013;
    readonly reason: 'saturated';
    readonly reconnect: 'back_off';
    readonly when: 'The node has as many viewers, or holds as much for them, as it may.';
}, {
    readonly code: 4401;
    readonly reason: 'unauthorized';
    readonly reconnect: 'never';
    readonly when: 'No valid token came with the request.';
}, {
    readonly code: 4403;
    readonly reason: 'forbidden';
    readonly reconnect: 'never';
    readonly when: 'The token does not allow this.';
}, {
    readonly code: 4408;
    readonly reason: 'no_pong';
    readonly reconnect: 'back_off';
    readonly when: 'The client answered no ping in time.';
}, {
    readonly code: 4410;
    readonly reason: 'gone';
    readonly reconnect: 'never';
    readonly when: 'The run expired or was deleted.';
}, {
    readonly code: 4429;
    readonly reason: 'too_many';
    readonly reconnect: 'back_off';
    readonly when: 'The client has as many connections as it may, or sends more than it may.';
}, {
    readonly code: null;
    readonly reason: 'stalled';
    readonly reconnect: 'back_off';
    readonly when: 'The client took no byte for too long; its socket was reset.';
}, {
    readonly code: null;
    readonly reason: 'left';
    readonly reconnect: 'back_off';
    readonly when: 'The client went without a close frame: its connection broke, or was dropped.';
}];
export type RunStatus = 'queued' | 'running' | 'paused' | 'failing' | 'passed' | 'failed' | 'timedout' | 'interrupted' | 'cancelled' | 'stalled' | 'lost';
/** The statuses that end a run. */
export declare const FINAL_RUN_STATUSES: readonly string[];
export type TestStatus = 'pending' | 'queued' | 'running' | 'passed' | 'failed' | 'skipped' | 'timedout' | 'timedOut' | 'interrupted';
/** The statuses that end an attempt at a test. */
export declare const FINAL_TEST_STATUSES: readonly string[];
export type ArtifactKind = 'trace' | 'video' | 'screenshot' | 'log' | 'report' | 'other';
/** What every event has. */
export interface EventBase {
    /** Its number in the run: strictly consecutive, from 1. */
    seq: number;
    type: string;
    /** When it happened, by its producer's clock; or when it was stored. */
    timestamp: string;
    /** Who posted it, in the types into which the server writes it. */
    producer?: string;
    /** When it was stored, in the types into which the server writes it. */
    at?: string;
    [member: string]: unknown;
}
/** The run's status. A final one ends the run. */
export interface RunStatusEvent extends EventBase {
    type: 'run_status';
    /** The status; an event with another one is refused. */
    status: 'queued' | 'running' | 'paused' | 'failing' | 'passed' | 'failed' | 'timedout' | 'interrupted' | 'cancelled' | 'stalled' | 'lost';
    data?: {
        /** Number of tests. */
        total?: number | null;
        /** Number of test workers. */
        workers?: number | null;
        /** What the run is about. */
        meta?: {
            /** The project that it belongs to. */
            project?: string | null;
            /** Which run of the project it is. */
            number?: number | null;
            /** What people call it. */
            title?: string | null;
            /** The branch under test. */
            branch?: string | null;
            /** The commit under test. */
            commit?: string | null;
            /** Who made that commit. */
            author?: string | null;
            /** The page of the job that runs it. */
            ciUrl?: string | null;
            /** Words to find it by. */
            labels?: unknown[] | null;
            [member: string]: unknown;
        } | null;
        /** Why it ended so. */
        error?: string | {
            message?: string;
            [member: string]: unknown;
        } | null;
        /** How long it took; shown, but no part of the run's state. */
        durationMs?: number | null;
        [member: string]: unknown;
    } | null;
    /** The reason in words. */
    detail?: string | null;
    /** Who wants it. */
    by?: {
        /** Who that is, the same at each request. */
        subject?: string | null;
        /** The name for people. */
        name?: string | null;
        /** What it is. */
        kind?: 'human' | 'agent' | 'server' | null;
        /** The way that it came. */
        via?: 'ws' | 'http' | 'mcp' | 'server' | null;
        /** Whether the server knows that it is so. */
        verified?: boolean | null;
        [member: string]: unknown;
    } | null;
}
/** The tests that are going to be run, or more of them: a plan may come in parts. */
export interface TestPlanEvent extends EventBase {
    type: 'test_plan';
    /** The variant of the run that it belongs to, if the same tests run more than once: an operating system, a browser. Missing: that of its producer. */
    variant?: string | null;
    /** The tests. */
    tests: {
        /** The test's id, the same in all events of the run. */
        testId: string;
        /** Its title. */
        title?: string | string[] | null;
        /** The file that it is in. */
        file?: string | null;
        /** The line that it begins at. */
        line?: number | null;
        /** The project of the test runner that it belongs to. */
        project?: string | null;
        /** Words to find it by. */
        tags?: unknown[] | null;
        [member: string]: unknown;
    }[];
}
/** A test begins, or an attempt at it ends. */
export interface TestStatusEvent extends EventBase {
    type: 'test_status';
    /** The test. */
    testId: string;
    /** The variant of the run that it belongs to, if the same tests run more than once: an operating system, a browser. Missing: that of its producer. */
    variant?: string | null;
    /** The test's status. */
    status: 'pending' | 'queued' | 'running' | 'passed' | 'failed' | 'skipped' | 'timedout' | 'timedOut' | 'interrupted';
    data?: {
        /** Its title. */
        title?: string | string[] | null;
        /** 0, or which retry it is. */
        attempt?: number | null;
        /** The test worker that runs it; -1: none did. */
        workerIndex?: number | null;
        /** Its place among those that run at a time, from 0: the screen `producer/slot`. */
        slot?: number | null;
        /** The status that is expected of it. */
        expected?: 'passed' | 'failed' | 'skipped' | 'timedout' | 'interrupted' | null;
        /** What its attempts make of it. */
        outcome?: 'expected' | 'unexpected' | 'flaky' | 'skipped' | null;
        /** How long it took. */
        durationMs?: number | null;
        /** How long of that it was held open. */
        holdMs?: number | null;
        /** The id of its live trace, if there is one; no part of the run's state. */
        traceId?: string | null;
        /** Why it failed. */
        error?: string | {
            message?: string;
            [member: string]: unknown;
        } | null;
        /** Why it failed: a list of such, of which the first is shown. */
        errors?: {
            /** What went wrong; colours are ANSI escapes. */
            message: string;
            /** Where: `file:line:column`. */
            location?: string | null;
            /** The lines around it; shown, but no part of the run's state. */
            snippet?: string | null;
            [member: string]: unknown;
        }[] | null;
        /** What its author says about it. */
        annotations?: {
            /** What kind of remark it is, `issue` for instance. */
            type: string;
            /** The remark. */
            description?: string | null;
            [member: string]: unknown;
        }[] | null;
        [member: string]: unknown;
    } | null;
}
/** A step begins or ends. */
export interface TestStepEvent extends EventBase {
    type: 'test_step';
    /** The test that it is a part of; missing: of the run. */
    testId?: string | null;
    /** The variant of the run that it belongs to, if the same tests run more than once: an operating system, a browser. Missing: that of its producer. */
    variant?: string | null;
    step: {
        /** Its number within the attempt. */
        stepNumber: number;
        /** Its id within the attempt, by which its end and commands name it; missing: its number in decimal digits. */
        id?: string | null;
        /** The id of the step that it is a part of. */
        parent?: string | null;
        /** The attempt that it is a part of; missing: the one that began last. */
        attempt?: number | null;
        /** `end` ends it, any other begins it. */
        phase?: 'begin' | 'end' | null;
        /** What is done. */
        title?: string | string[] | null;
        /** What it is done to. */
        subtitle?: string | null;
        /** What kind of step it is: `hook`, `fixture`, `pw:api`, `expect`, `test.step`. */
        category?: string | null;
        /** Where it stands: `file:line:column`. */
        location?: string | null;
        /** What it is done with; shown, but no part of the run's state. */
        params?: Record<string, unknown> | null;
        /** Who did it, if it was a person and not the test. */
        actor?: string | null;
        /** How long it took; shown, but no part of the run's state. */
        durationMs?: number | null;
        /** How long of that it was paused; shown, but no part of the run's state. */
        pausedMs?: number | null;
        /** Why it failed. */
        error?: string | {
            message?: string;
            [member: string]: unknown;
        } | null;
        [member: string]: unknown;
    };
}
/** Something went wrong outside the tests: the run's last error. */
export interface ErrorEvent extends EventBase {
    type: 'error';
    /** What went wrong. */
    error?: string | {
        message?: string;
        [member: string]: unknown;
    } | null;
    /** The same, where there is no `error`. */
    message?: string | {
        message?: string;
        [member: string]: unknown;
    } | null;
}
/** A line that the tests or their tools wrote. It changes nothing of the run's state. */
export interface LogEvent extends EventBase {
    type: 'log';
    /** The test that wrote it; missing: the run. */
    testId?: string | null;
    /** The variant of the run that it belongs to, if the same tests run more than once: an operating system, a browser. Missing: that of its producer. */
    variant?: string | null;
    /** The attempt that wrote it. */
    attempt?: number | null;
    /** The line. */
    text?: string | null;
    /** The same, where there is no `text`. */
    message?: string | null;
    /** Where it was written, `stdout` for instance. */
    stream?: string | null;
}
/** A producer says that it obeys commands, and which; or that it leaves. */
export interface WorkerEvent extends EventBase {
    type: 'worker';
    /** Whether it obeys from now on. */
    state: 'joined' | 'left';
    /** The commands that it obeys: `pause`, `step` and so on; missing: all. */
    can?: unknown[] | null;
    /** How many tests it runs at a time. */
    slots?: number | null;
    /** The variant of the run that it runs, a browser for instance. */
    variant?: string | null;
    /** The shard that it runs. */
    shard?: {
        /** Which one, at most `total`. */
        current: number;
        /** How many there are. */
        total: number;
        [member: string]: unknown;
    } | null;
}
/** A producer says what became of a command. */
export interface CommandStatusEvent extends EventBase {
    type: 'command_status';
    /** The command. */
    commandId: string;
    /** What became of it. */
    status: 'accepted' | 'done' | 'failed' | 'rejected' | 'interrupted';
    /** The claim under which it acted. */
    claim?: string | null;
    /** The reason in words. */
    detail?: string | null;
    /** What came of it. */
    result?: unknown | null;
    /** Recognises the producer that repeats its claim. */
    keyHash?: string | null;
    /** When it counts as interrupted. */
    expiresAt?: string | null;
}
/** A producer does not get on and asks for help. */
export interface AiStuckEvent extends EventBase {
    type: 'ai_stuck';
    /** The question's id, another one for each question. */
    askId: string;
    /** Why it asks, in a word. */
    reason?: string | null;
    /** The question. */
    message?: string | null;
    /** What it has done so far. */
    summary?: string | null;
    /** What it wants to reach. */
    goal?: string | null;
    /** What it has tried: a list, or how often. */
    attempts?: unknown | null;
    /** The error that it can't get past. */
    lastError?: string | {
        message?: string;
        [member: string]: unknown;
    } | null;
    /** What it needs. */
    needs: 'click' | 'text' | 'choice' | 'credential' | 'decision';
    /** What may be chosen. */
    candidates?: {
        /** The candidate's id. */
        id: string;
        /** The candidate for people. */
        label: string;
        /** Where it is on the page. */
        selector?: string | null;
        /** Where it is on the screenshot. */
        box?: unknown | null;
        /** How well it fits. */
        score?: number | null;
        [member: string]: unknown;
    }[] | null;
    /** A JSON Schema of the answer. */
    responseSchema?: Record<string, unknown> | null;
    /** A screenshot: the id of an artifact, or a URL. */
    screenshot?: string | null;
    /** The page that it is on. */
    url?: string | null;
    /** How long it waits for an answer; 300 if missing. */
    expiresInSecs?: number | null;
    /** What it does then. */
    onTimeout?: {
        /** Whether it fails, skips, goes on or waits. */
        action: 'fail' | 'skip' | 'continue' | 'wait';
        /** What it goes on with. */
        value?: unknown | null;
        [member: string]: unknown;
    } | null;
}
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
export interface PauseRequestedEvent extends EventBase {
    type: 'pause_requested';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
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
export interface CancelRequestedEvent extends EventBase {
    type: 'cancel_requested';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
    /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
    target?: Record<string, unknown> | null;
    /** The test; missing: the run. */
    testId?: string | null;
    /** The reason in words. */
    reason?: string | null;
}
/** The run is to go on. */
export interface ResumeRequestedEvent extends EventBase {
    type: 'resume_requested';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
    /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
    target?: Record<string, unknown> | null;
}
/** Whether a failing test is held open. */
export interface HoldRequestedEvent extends EventBase {
    type: 'hold_requested';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
    /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
    target?: Record<string, unknown> | null;
    /** When a test is held open. */
    when: 'failure' | 'never';
}
/** Instructions to the agent that runs the tests. */
export interface InstructionsUpdatedEvent extends EventBase {
    type: 'instructions_updated';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
    /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
    target?: Record<string, unknown> | null;
    /** The instructions. */
    instructions: string;
    /** Whether they follow the earlier ones. */
    mode: 'append' | 'replace';
}
/** A paused producer is to do one step and pause again. */
export interface StepRequestedEvent extends EventBase {
    type: 'step_requested';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
    /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
    target?: Record<string, unknown> | null;
    /** When it ends by itself. */
    expiresAt: string;
}
/** A paused producer is to run up to a line and pause again. */
export interface RunToRequestedEvent extends EventBase {
    type: 'run_to_requested';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
    /** The `producer`, `slot` or `testId` that it is for; missing: all, or the only one. */
    target?: Record<string, unknown> | null;
    /** When it ends by itself. */
    expiresAt: string;
    /** `file:line`. */
    location: string;
}
/** Somebody acts by hand in the browser of a producer. */
export interface ActionQueuedEvent extends EventBase {
    type: 'action_queued';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
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
export interface StepOverrideQueuedEvent extends EventBase {
    type: 'step_override_queued';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
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
export interface ReplayStepRequestedEvent extends EventBase {
    type: 'replay_step_requested';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
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
export interface CommandWithdrawnEvent extends EventBase {
    type: 'command_withdrawn';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
    /** The command that is taken back. */
    withdraws: string;
}
/** A question of a producer has an answer: the first one wins. */
export interface AskAnsweredEvent extends EventBase {
    type: 'ask_answered';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
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
export interface AskExtendedEvent extends EventBase {
    type: 'ask_extended';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
    /** The question. */
    askId: string;
    /** When it ends by itself. */
    expiresAt: string;
}
/** Somebody has taken control of the run. Its cursor is the lease. */
export interface ControlTakenEvent extends EventBase {
    type: 'control_taken';
    /** The command's id. */
    commandId: string;
    /** Who wants it. */
    by: {
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
    };
    /** The lease under which it was wanted. */
    lease?: string | null;
    /** What has to be so; whoever obeys looks again. */
    expect?: Record<string, unknown> | null;
    /** Recognises a repeat of the command: of its content, without `lease`. */
    digest?: string | null;
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
/** The events that mean something to the server, by type. */
export interface EventMap {
    run_status: RunStatusEvent;
    test_plan: TestPlanEvent;
    test_status: TestStatusEvent;
    test_step: TestStepEvent;
    error: ErrorEvent;
    log: LogEvent;
    worker: WorkerEvent;
    command_status: CommandStatusEvent;
    ai_stuck: AiStuckEvent;
    events_lost: EventsLostEvent;
    sealed: SealedEvent;
    artifact: ArtifactEvent;
    pause_requested: PauseRequestedEvent;
    cancel_requested: CancelRequestedEvent;
    resume_requested: ResumeRequestedEvent;
    hold_requested: HoldRequestedEvent;
    instructions_updated: InstructionsUpdatedEvent;
    step_requested: StepRequestedEvent;
    run_to_requested: RunToRequestedEvent;
    action_queued: ActionQueuedEvent;
    step_override_queued: StepOverrideQueuedEvent;
    replay_step_requested: ReplayStepRequestedEvent;
    command_withdrawn: CommandWithdrawnEvent;
    ask_answered: AskAnsweredEvent;
    ask_extended: AskExtendedEvent;
    control_taken: ControlTakenEvent;
    control_released: ControlReleasedEvent;
    control_reset: ControlResetEvent;
    command_expired: CommandExpiredEvent;
    ask_expired: AskExpiredEvent;
    ask_reopened: AskReopenedEvent;
    producer_status: ProducerStatusEvent;
    shards_given_up: ShardsGivenUpEvent;
}
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
