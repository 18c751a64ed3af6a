/** The run's artifacts: listed once, then told by events. */
import { ApiError } from '@runcast/client';

import type { Artifact, FromWorker } from '../model.js';
import type { Http } from './http.js';
import { listOf, type Members, membersOf, numberOf, type RunEvent, textOf, timeOf } from './read.js';

/** Artifacts of a page, and pages. */
const LIMIT = 1_000;
const MOST_PAGES = 20;

export class Artifacts {
  #isListed = false;
  #reset = true;
  readonly #known = new Set<string>();
  #changed: Artifact[] = [];

  constructor(private readonly http: Http) {}

  /** Lists them. What events have told meanwhile stays. */
  async list(signal: AbortSignal): Promise<void> {
    let cursor: string | null = null;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const answer: Members = await this.http
        .insist(() => this.http.json<Members>('/artifacts', { limit: LIMIT, cursor }, signal), signal)
        .catch((error: unknown) => {
          if (error instanceof ApiError && error.status === 404) return {}; // the run is yet to come
          throw error;
        });
      for (const one of listOf(answer['artifacts'])) {
        const members = membersOf(one);
        if (members['state'] === 'ready') this.#add(members, null);
      }
      cursor = textOf(answer['cursor']);
      if (answer['more'] !== true || cursor === null) break;
    }
    this.#isListed = true;
  }

  take(event: RunEvent): void {
    if (event.type === 'artifact') this.#add(event, event.seq);
  }

  change(): FromWorker | null {
    if (this.#changed.length === 0 && !(this.#reset && this.#isListed)) return null;
    const rows = this.#changed;
    const reset = this.#reset;
    this.#changed = [];
    this.#reset = false;
    return { type: 'artifacts', reset, rows };
  }

  #add(members: Members, seq: number | null): void {
    const id = textOf(members['artifactId']);
    const downloadUrl = textOf(members['downloadUrl']);
    if (id === null || downloadUrl === null) return;
    if (seq !== null && this.#known.has(id)) return;
    this.#known.add(id);
    this.#changed.push({
      artifactId: id,
      name: textOf(members['name']) ?? id,
      kind: textOf(members['kind']) ?? 'other',
      contentType: textOf(members['contentType']) ?? 'application/octet-stream',
      test: textOf(members['test']),
      size: numberOf(members['size']),
      storedSize: numberOf(members['storedSize']),
      savedPercent: numberOf(members['savedPercent']),
      expiresAt: timeOf(members['expiresAt']),
      downloadUrl,
      traceUrl: textOf(members['traceUrl']),
      seq,
    });
  }
}
