/** What the server says of a run: the members of `GET /api/runs/{runId}` and of its tests that the page shows. */

/** A test, as the server shows it. */
export interface TestState {
  testId: string;
  variant?: string | null;
  title: string | null;
  file: string | null;
  line: number | null;
  project?: string | null;
  tags?: string[];
  status: string;
  expected?: string | null;
  outcome?: string | null;
  attempt?: number;
  slot?: number | null;
  producer?: string | null;
  durationMs: number | null;
  holdMs?: number | null;
  error: string | null;
  location?: string | null;
  annotations?: { type: string; description?: string | null }[];
  step: { id: string; title?: string | null; subtitle?: string | null; attempt?: number } | null;
  steps?: { begun: number; ended: number; failed: number };
  failedStep?: { id: string; title?: string | null } | null;
  attempts?: {
    attempt?: number;
    status?: string;
    slot?: number | null;
    producer?: string | null;
    error?: string | null;
    location?: string | null;
    durationMs?: number | null;
  }[];
}

interface PersonState {
  subject: string;
  name: string;
  kind: string;
}

/** The run without its tests. Times are texts. */
export interface RunState {
  runId: string;
  status: string | null;
  startedAt: string | null;
  endedAt: string | null;
  lastEventAt: string | null;
  elapsedMs: number | null;
  producer?: { startedAt: string | null; endedAt: string | null; lastEventAt: string | null };
  events: number;
  total: number | null;
  workers: number | null;
  meta: Record<string, unknown> | null;
  lastError: { message: string; at: string } | null;
  counts: Record<string, number>;
  outcomes: Record<string, number>;
  variants: { variant: string | null }[];
  shards: { variant?: string | null; total: number; joined: number; missing: number[]; waiting: boolean }[];
  testsKept?: number;
  testsOmitted?: number;
  control?: { lease: string | null; holder: PersonState | null; since: string | null };
  commands?: Record<string, unknown>[];
  asks?: Record<string, unknown>[];
  paused?: { since: string; until: string; by: PersonState; earlierMs?: number } | null;
  producers?: Record<string, unknown>[];
  cursor?: string;
  epoch?: string | null;
  viewers?: number | null;
  firstAvailable?: number;
}

export const FINAL: ReadonlySet<string> = new Set(['passed', 'failed', 'timedout', 'interrupted', 'cancelled', 'lost']);
export const TEST_ENDS: ReadonlySet<string> = new Set(['passed', 'failed', 'skipped', 'timedout', 'interrupted']);
