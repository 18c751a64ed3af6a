/** Tests: as the tree shows them, one that is open, what it left, and how it ended before. */
import type { Box, TestKey } from './run.js';

/** A test as the tree shows it. */
export interface TestRow {
  key: TestKey;
  testId: string;
  variant: string | null;
  /** Titles of its groups, then its own. */
  path: string[];
  file: string | null;
  line: number | null;
  project: string | null;
  tags: string[];
  annotations: { type: string; description: string | null }[];
  /** Its place in the order in which the run told of tests. */
  order: number;
  status: 'pending' | 'running' | 'passed' | 'failed' | 'skipped' | 'timedout' | 'interrupted';
  outcome: 'expected' | 'unexpected' | 'flaky' | 'skipped' | null;
  /** The attempt that began last, from 0. */
  attempt: number;
  producer: string | null;
  slot: number | null;
  /** Label of its slot. */
  slotLabel: string | null;
  /** When the attempt began, if that is known. */
  startedAt: number | null;
  durationMs: number | null;
  /** The error's message, as it came: escapes of colours are in it. Of a flaky test that of the attempt that failed. */
  error: string | null;
  errorLocation: string | null;
  /** What it does now. */
  step: {
    id: string;
    title: string;
    subtitle: string | null;
    startedAt: number | null;
    /** Where its target is on the page, in the page's pixels: `params.box`, if its event has one. */
    box?: Box | null;
  } | null;
  /** The page that it is on: `params.url` of the attempt's last step that has one. */
  url?: string | null;
  /** Seq of the event after which it had failed; null: it has not, or that is not known. */
  failedSeq: number | null;
  /** It waits in a pause. */
  paused: boolean;
  /** The question that it asks. */
  askId: string | null;
  /** It is kept open after its failure. */
  held: boolean;
}

/** An error as a producer told it: texts have the escapes of colours in them. */
export interface ErrorInfo {
  message: string;
  location: string | null;
  snippet: string | null;
  stack: string | null;
}

/** A file that a test or a step left. */
export interface Attachment {
  name: string;
  contentType: string | null;
  size: number | null;
  /** Name of the artifact that it was uploaded as. */
  artifact: string | null;
  /** Why it was not uploaded. */
  note: string | null;
}

/** An attempt at the test that is open. */
export interface Attempt {
  attempt: number;
  status: TestRow['status'];
  /** What was expected of it. */
  expected: string | null;
  startedAt: number | null;
  durationMs: number | null;
  holdMs: number | null;
  producer: string | null;
  slot: number | null;
  slotLabel: string | null;
  errors: ErrorInfo[];
  attachments: Attachment[];
  annotations: { type: string; description: string | null }[];
  traceId: string | null;
  /** Seqs of the events that begin and end it. */
  seq: number;
  endSeq: number | null;
}

/** A step of the test that is open. */
export interface Step {
  attempt: number;
  id: string;
  parent: string | null;
  title: string;
  subtitle: string | null;
  category: string | null;
  location: string | null;
  /** Who did it, if it was a person. */
  actor: string | null;
  state: 'running' | 'passed' | 'failed' | 'unended';
  startedAt: number;
  durationMs: number | null;
  pausedMs: number | null;
  error: ErrorInfo | null;
  attachments: Attachment[];
  params: unknown;
  /** Seqs of the events that begin and end it. */
  seq: number;
  endSeq: number | null;
}

/** An artifact of the run. */
export interface Artifact {
  artifactId: string;
  name: string;
  kind: string;
  contentType: string;
  test: string | null;
  size: number | null;
  storedSize: number | null;
  savedPercent: number | null;
  expiresAt: number | null;
  downloadUrl: string;
  traceUrl: string | null;
  seq: number | null;
  /** `ready` if it isn't said; `deleted` once its file is gone. */
  state?: 'pending' | 'ready' | 'failed' | 'deleted';
  /** What keeps it: `pin`, `rule:KIND` or `days`. */
  retainedBy?: string | null;
  createdAt?: number | null;
  /** When it was deleted, and by what: `days`, `rule:KIND`, `pin`, `request` or `upload`. */
  deletedAt?: number | null;
  deletedBy?: string | null;
}

/** When the first and the last attempt at a test began. */
export interface TestTimes {
  key: TestKey;
  first: number;
  last: number;
}

/** A result of a test in a run. */
export interface HistoryResult {
  runId: string;
  number: number | null;
  outcome: string;
  status: string;
  durationMs: number | null;
  attempts: number;
  error: string | null;
  location: string | null;
  at: number;
  branch: string | null;
  commit: string | null;
  /** It is that of this run. */
  current: boolean;
}

/** This run beside another one. */
export interface Comparison {
  with: { runId: string; number: number | null; branch: string | null } | null;
  fixed: ComparedTest[];
  failing: ComparedTest[];
  flaky: ComparedTest[];
  /** Whole numbers; the lists have the first 100. */
  counts: { fixed: number; failing: number; flaky: number };
  elapsedMs: { now: number | null; before: number | null };
  slowest: (ComparedTest & { durationMs: number; before: number | null })[];
}

export interface ComparedTest {
  key: TestKey;
  title: string;
  project: string | null;
}
