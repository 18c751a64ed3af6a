// Written by scripts/generate.mjs from docs/vocabulary.json.

import type { EventBase } from './event-base.js';

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
    error?: string | { message?: string; [member: string]: unknown } | null;
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
    error?: string | { message?: string; [member: string]: unknown } | null;
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
    /** Files that the attempt left; shown, but no part of the run's state. */
    attachments?: {
      /** What its author calls it, `screenshot` for instance. */
      name: string;
      /** Its media type. */
      contentType?: string | null;
      /** Its length in bytes. */
      size?: number | null;
      /** The name of the artifact that it was uploaded as; missing: it was not. */
      artifact?: string | null;
      /** Why it was not uploaded, if it should have been. */
      note?: string | null;
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
    error?: string | { message?: string; [member: string]: unknown } | null;
    /** Files that it attached; shown, but no part of the run's state. */
    attachments?: {
      /** What its author calls it, `screenshot` for instance. */
      name: string;
      /** Its media type. */
      contentType?: string | null;
      /** Its length in bytes. */
      size?: number | null;
      /** The name of the artifact that it was uploaded as; missing: it was not. */
      artifact?: string | null;
      /** Why it was not uploaded, if it should have been. */
      note?: string | null;
      [member: string]: unknown;
    }[] | null;
    /** What its author says about it; shown, but no part of the run's state. */
    annotations?: {
      /** What kind of remark it is, `issue` for instance. */
      type: string;
      /** The remark. */
      description?: string | null;
      [member: string]: unknown;
    }[] | null;
    [member: string]: unknown;
  };
}

/** Something went wrong outside the tests: the run's last error. */
export interface ErrorEvent extends EventBase {
  type: 'error';
  /** What went wrong. */
  error?: string | { message?: string; [member: string]: unknown } | null;
  /** The same, where there is no `error`. */
  message?: string | { message?: string; [member: string]: unknown } | null;
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
  data?: {
    /** Bytes of output that were left out here. */
    leftOutBytes?: number | null;
    [member: string]: unknown;
  } | null;
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
  lastError?: string | { message?: string; [member: string]: unknown } | null;
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
