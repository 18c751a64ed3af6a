/** What `GET /api/runs/{runId}` and `.../tests` answer, with the members that `resume=1` adds. */
import type { ControlView } from './control/view.js';
import type { RunStatus, TestOutcome, TestStatus } from './status.js';

/** The shard that a worker runs. */
export interface Shard {
  variant?: string;
  current: number;
  total: number;
}

export interface ShownStep {
  id: string;
  stepNumber: number;
  title: string | null;
  subtitle?: string;
  category?: string;
  location?: string;
  parent?: string;
  actor?: string;
  variant?: string;
}

export interface ResumedStep extends ShownStep {
  /** It is counted among those that failed. */
  failed?: boolean;
}

export interface FailedStep {
  id: string;
  title: string | null;
  location?: string;
  error: string;
}

export interface StepCounts {
  begun: number;
  ended: number;
  failed: number;
}

export interface Annotation {
  type: string;
  description?: string;
}

export interface ResumedAttempt {
  /** All open steps, if there are more than the one that is shown. */
  open?: ResumedStep[];
}

export interface ShownAttempt {
  status: TestStatus;
  attempt: number;
  workerIndex: number | null;
  slot?: number;
  producer?: string;
  durationMs: number | null;
  holdMs?: number;
  error: string | null;
  location?: string;
  annotations?: readonly Annotation[];
  step: ShownStep | null;
  steps?: StepCounts;
  failedStep?: FailedStep;
  resume?: ResumedAttempt;
}

export interface ResumedTest extends ResumedAttempt {
  /** Whether a `test_status` has told of it, if its status does not say so. */
  told?: boolean;
  /** Its outcome is not its producer's word. */
  judged?: boolean;
  /** Of the tests with its id it was told of last. */
  last?: boolean;
  omittedFailed?: boolean;
}

/** A test, with its attempt that began last. */
export interface ShownTest extends ShownAttempt {
  testId: string;
  variant?: string;
  title: string | null;
  file: string | null;
  line: number | null;
  project?: string;
  tags?: readonly string[];
  expected?: TestStatus;
  outcome?: TestOutcome;
  attempts?: ShownAttempt[];
  attemptsOmitted?: number;
  resume?: ResumedTest;
}

export type Counts = Record<TestStatus, number>;
export type Outcomes = Record<TestOutcome, number>;

export interface Times {
  startedAt: string | null;
  endedAt: string | null;
  lastEventAt: string | null;
}

export interface RunMeta {
  project?: string;
  number?: number;
  title?: string;
  branch?: string;
  commit?: string;
  author?: string;
  ciUrl?: string;
  labels?: string[];
}

export interface ShownShards {
  variant?: string;
  total: number;
  joined: number;
  missing: number[];
  waiting: boolean;
}

export interface ResumedProducer {
  producer: string;
  joined: boolean;
  status?: RunStatus;
  awaits?: Shard;
  shard?: Shard;
  variant?: { announced: string; name: string; hasShard: boolean };
  lost?: boolean;
  total?: number;
  workers?: number;
}

export interface Resume {
  steps?: ResumedStep[];
  producers: ResumedProducer[];
  told: { total?: number; workers?: number };
  variants: string[];
  testProducers: string[];
  omitted?: Record<string, number[]>;
}

/** The state of a run, without viewers, cursor and epoch. */
export interface Overview extends Times, ControlView {
  runId: string;
  status: RunStatus | null;
  clock: 'journal';
  elapsedMs: number | null;
  producer: Times;
  events: number;
  total: number | null;
  workers: number | null;
  meta: RunMeta | null;
  step: ShownStep | null;
  lastError: { message: string; at: string } | null;
  counts: Counts;
  outcomes: Outcomes;
  variants: { variant: string | null; counts: Counts; outcomes: Outcomes }[];
  shards: ShownShards[];
  tests: ShownTest[];
  testsKept: number;
  testsOmitted: number;
  resume?: Resume;
  /** The incarnation of the store that the state is of; told by the server alone. */
  epoch?: string | null;
}
