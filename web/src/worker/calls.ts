/** What the page asks for and gets an answer: commands, control, search, history, comparison, raw events. */
import { ApiError, type CommandOptions, type Lease, type Viewer } from '@runcast/client';

import type { Calls as Asked, Comparison, Hit, HistoryResult, TestKey } from '../model.js';
import type { EventHistory } from './history.js';
import type { Http } from './http.js';
import { rowsOf, type RowContext } from './log-rows.js';
import { keyOf, listOf, type Members, membersOf, numberOf, partsOf, type RunEvent, textOf, timeOf } from './read.js';

/** Hits that are looked for on this side. */
const MOST_HITS = 200;

export interface CallRun extends RowContext {
  timeOf(seq: number): number | null;
  /** Control of the run has changed hands here. */
  touch(): void;
}

type Answers = { [M in keyof Asked]: (params: Asked[M][0]) => Promise<Asked[M][1]> };

export class Calls {
  #lease: Lease | null = null;

  constructor(
    private viewer: Viewer,
    private readonly http: Http,
    private readonly history: EventHistory,
    private readonly run: CallRun,
  ) {}

  /** The lease that this page holds. */
  get lease(): string | null {
    return this.#lease?.isHeld === true ? this.#lease.token : null;
  }

  /** Somebody else asks from now on. */
  as(viewer: Viewer): void {
    this.viewer = viewer;
  }

  /** Answers. Throws an `ApiError` with the refusal. */
  answer(method: string, params: unknown): Promise<unknown> {
    const answers = this.#answers as unknown as Record<string, (params: unknown) => Promise<unknown>>;
    const known = Object.hasOwn(answers, method) ? answers[method] : undefined;
    if (known === undefined) throw new ApiError(404, 'not_found', `there is no \`${method}\``);
    return known(params);
  }

  readonly #answers: Answers = {
    command: async ({ command, options }) => {
      const handle = await this.viewer.command(command as never, options as CommandOptions);
      return { commandId: handle.id, state: handle.status };
    },
    takeControl: async ({ steal }) => {
      const lease = await this.viewer.control({ steal });
      this.#lease = lease;
      void lease.lost.then(() => this.run.touch());
      this.run.touch();
      return null;
    },
    releaseControl: async () => {
      const lease = this.#lease;
      this.#lease = null;
      if (lease?.isHeld === true) await lease.release();
      else await this.viewer.command({ type: 'release_control' });
      return null;
    },
    askControl: async ({ name }) => {
      await this.http.insist(() => this.http.post('/events', { type: 'control_wanted', name }));
      return null;
    },
    search: async ({ q, types, test, after, limit }) => {
      const testId = test === undefined ? undefined : partsOf(test).testId;
      try {
        const query = { q, types: types?.join(','), test: testId, after, limit };
        const found = await this.http.insist(() => this.http.json<Members>('/search', query));
        const hits = listOf(found['hits']).map((one) => this.#hit(membersOf(one)));
        return {
          hits: hits.filter((hit) => test === undefined || hit.test === test),
          cursor: String(found['cursor'] ?? ''),
          more: found['more'] === true,
        };
      } catch (error) {
        if (!(error instanceof ApiError) || ![404, 405, 501].includes(error.status)) throw error;
        return { hits: this.#local(q, types, test), cursor: '', more: false };
      }
    },
    history: async ({ tests }) => {
      const query = new URLSearchParams();
      for (const key of tests) {
        const { variant, testId } = partsOf(key);
        query.append('test', testId);
        query.append('variant', variant ?? '');
      }
      const found = await this.http.insist(() => this.http.json<Members>(`/history?${query}`));
      return {
        tests: listOf(found['tests']).map((one) => {
          const { testId, variant, results } = membersOf(one);
          return {
            key: keyOf(textOf(variant), textOf(testId) ?? ''),
            results: listOf(results).map((result) => resultOf(membersOf(result))),
          };
        }),
      };
    },
    compare: async ({ with: other }) => {
      const found = await this.http.insist(() => this.http.json<Members>('/compare', { with: other }));
      return comparisonOf(found);
    },
    event: async ({ seq }) => {
      const event = await this.history.event(seq);
      if (event === null) throw new ApiError(404, 'event_unknown', `there is no event ${seq}, or it has expired`);
      return event;
    },
  };

  #hit(hit: Members): Hit {
    const seq = numberOf(hit['seq']) ?? 0;
    const ranges = listOf(hit['ranges']).filter(
      (range): range is [number, number] => Array.isArray(range) && range.length === 2,
    );
    return {
      seq,
      type: textOf(hit['type']) ?? '',
      test: this.run.keyOf({ ...hit, seq, type: '' } as RunEvent),
      line: numberOf(hit['line']) ?? 0,
      excerpt: textOf(hit['excerpt']) ?? '',
      ranges,
      at: timeOf(hit['at']) ?? this.run.timeOf(seq),
    };
  }

  /** What is found in the events that are here, the newest first. */
  #local(q: string, types: string[] | undefined, test: TestKey | undefined): Hit[] {
    const [wanted, hits] = [q.toLowerCase(), [] as Hit[]];
    for (const page of this.history.pages.newest()) {
      for (let seq = page.last; seq >= page.first && hits.length < MOST_HITS; seq -= 1) {
        const event = page.event(seq);
        if (event === null || (types !== undefined && !types.includes(event.type))) continue;
        const { rows } = rowsOf(event, this.run, true);
        for (const row of rows) {
          if (test !== undefined && row.test !== test) continue;
          const excerpt = row.spans.map(({ text }) => text).join('');
          const at = excerpt.toLowerCase().indexOf(wanted);
          if (at < 0) continue;
          hits.push({
            seq,
            type: event.type,
            test: row.test,
            line: row.line,
            excerpt,
            ranges: [[at, at + q.length]],
            at: row.at,
          });
        }
      }
    }
    return hits.sort((one, other) => one.seq - other.seq || one.line - other.line);
  }
}

function resultOf(result: Members): HistoryResult {
  return {
    runId: textOf(result['runId']) ?? '',
    number: numberOf(result['number']),
    outcome: textOf(result['outcome']) ?? '',
    status: textOf(result['status']) ?? '',
    durationMs: numberOf(result['durationMs']),
    attempts: numberOf(result['attempts']) ?? 1,
    error: textOf(result['error']),
    location: textOf(result['location']),
    at: timeOf(result['at']) ?? numberOf(result['at']) ?? 0,
    branch: textOf(result['branch']),
    commit: textOf(result['commit']),
    current: result['current'] === true,
  };
}

function comparisonOf(found: Members): Comparison {
  const tests = (value: unknown) =>
    listOf(value).map((one) => {
      const { testId, variant, title, project } = membersOf(one);
      return {
        key: keyOf(textOf(variant), textOf(testId) ?? ''),
        title: textOf(title) ?? textOf(testId) ?? '',
        project: textOf(project),
      };
    });
  const [fixed, failing, flaky] = [tests(found['fixed']), tests(found['failing']), tests(found['flaky'])];
  const counts = membersOf(found['counts']);
  const { now, before } = membersOf(found['elapsedMs']);
  const other = membersOf(found['with']);
  const runId = textOf(other['runId']);
  return {
    with: runId === null ? null : { runId, number: numberOf(other['number']), branch: textOf(other['branch']) },
    fixed,
    failing,
    flaky,
    counts: {
      fixed: numberOf(counts['fixed']) ?? fixed.length,
      failing: numberOf(counts['failing']) ?? failing.length,
      flaky: numberOf(counts['flaky']) ?? flaky.length,
    },
    elapsedMs: { now: numberOf(now), before: numberOf(before) },
    slowest: listOf(found['slowest']).map((one, index) => {
      const { durationMs, before: ms } = membersOf(one);
      const [test] = tests([listOf(found['slowest'])[index]]);
      return {
        ...(test as ReturnType<typeof tests>[number]),
        durationMs: numberOf(durationMs) ?? 0,
        before: numberOf(ms),
      };
    }),
  };
}
