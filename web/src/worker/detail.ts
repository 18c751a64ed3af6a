/** One test in full, from its events: attempts, steps, errors, attachments. */
import type { Attachment, Attempt, Step, TestRow } from '../model.js';
import {
  errorOf,
  listOf,
  type Members,
  membersOf,
  numberOf,
  type RunEvent,
  textOf,
  timeOf,
  titleOf,
  wholeOf,
} from './read.js';

/** Types of events that it is made of. */
export const DETAIL_TYPES = ['test_status', 'test_step'];
/** Steps that are kept; the others are counted. */
const MAX_STEPS = 20_000;

const STATUSES = new Set(['pending', 'running', 'passed', 'failed', 'skipped', 'timedout', 'interrupted']);

/** What changed since it was last asked. */
export interface DetailChange {
  reset: boolean;
  attempts: Attempt[];
  steps: Step[];
  omitted: number;
}

export class Detail {
  readonly #attempts = new Map<number, Attempt>();
  readonly #steps = new Map<string, Step>();
  readonly #changed = new Set<Step>();
  #current = 0;
  #omitted = 0;
  #reset = true;
  #isChanged = true;

  /** `labelOf`: the label of a producer's slot. */
  constructor(private readonly labelOf: (producer: string | null, slot: number) => string | null) {}

  /** Whether anything is to be told. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** Takes an event of the test. */
  take(event: RunEvent): void {
    if (event.type === 'test_status') this.#status(event);
    else if (event.type === 'test_step') this.#step(event);
  }

  /** The run is over: what is open has not ended. */
  close(): void {
    this.#leaveOpen(null);
  }

  /** What is to be told. */
  change(): DetailChange {
    const reset = this.#reset;
    const told = reset ? [...this.#steps.values()] : [...this.#changed];
    this.#reset = false;
    this.#isChanged = false;
    this.#changed.clear();
    const attempts = [...this.#attempts.values()].sort((one, other) => one.attempt - other.attempt);
    return {
      reset,
      attempts: attempts.map((one) => ({ ...one })),
      steps: told.map((one) => ({ ...one })),
      omitted: this.#omitted,
    };
  }

  #status(event: RunEvent): void {
    const said = textOf(event['status'])?.toLowerCase() ?? '';
    const status = (said === 'queued' ? 'pending' : said) as TestRow['status'];
    if (!STATUSES.has(status)) return;
    const data = membersOf(event['data']);
    const number = wholeOf(data['attempt']) ?? this.#current;
    const producer = textOf(event['producer']);
    const isFinal = status !== 'pending' && status !== 'running';
    let attempt = this.#attempts.get(number);
    const isAnothers = attempt?.producer != null && producer !== null && producer !== attempt.producer;
    if (attempt !== undefined && !isFinal && (attempt.endSeq !== null || isAnothers)) {
      this.#forgetFrom(number);
      attempt = undefined;
    }
    if (attempt === undefined) this.#attempts.set(number, (attempt = this.#begun(number, event)));
    this.#isChanged = true;
    this.#current = Math.max(this.#current, number);
    attempt.status = status;
    attempt.producer = producer ?? attempt.producer;
    attempt.slot = wholeOf(data['slot']) ?? attempt.slot;
    attempt.slotLabel = attempt.slot === null ? null : this.labelOf(attempt.producer, attempt.slot);
    attempt.expected = textOf(data['expected']) ?? attempt.expected;
    attempt.traceId = textOf(data['traceId']) ?? attempt.traceId;
    if (status === 'running') {
      attempt.seq = event.seq;
      attempt.startedAt = timeOf(event['timestamp']) ?? attempt.startedAt;
    }
    if (!isFinal) return;
    const errors = listOf(data['errors']).length > 0 ? listOf(data['errors']) : [data['error']];
    attempt.endSeq = event.seq;
    attempt.durationMs = numberOf(data['durationMs']);
    attempt.holdMs = numberOf(data['holdMs']);
    attempt.errors = errors.map(errorOf).filter((one) => one !== null);
    attempt.attachments = attachmentsOf(data['attachments']);
    attempt.annotations = annotationsOf(data['annotations']);
    this.#leaveOpen(number);
  }

  #begun(number: number, event: RunEvent): Attempt {
    return {
      attempt: number,
      status: 'running',
      expected: null,
      startedAt: timeOf(event['timestamp']),
      durationMs: null,
      holdMs: null,
      producer: textOf(event['producer']),
      slot: null,
      slotLabel: null,
      errors: [],
      attachments: [],
      annotations: [],
      traceId: null,
      seq: event.seq,
      endSeq: null,
    };
  }

  #step(event: RunEvent): void {
    const step = membersOf(event['step']);
    const id = idOf(step);
    if (id === null) return;
    const number = wholeOf(step['attempt']) ?? this.#current;
    if (!this.#attempts.has(number)) {
      this.#attempts.set(number, this.#begun(number, event));
      this.#current = Math.max(this.#current, number);
    }
    const name = `${number}/${id}`;
    const ends = step['phase'] === 'end';
    let known = this.#steps.get(name);
    if (known === undefined) {
      if (this.#steps.size >= MAX_STEPS) {
        if (!ends) this.#omitted += 1;
        this.#isChanged = true;
        return;
      }
      known = begun(number, id, step, event);
      this.#steps.set(name, known);
    }
    known.title = titleOf(step['title']) ?? known.title;
    known.subtitle = textOf(step['subtitle']) ?? known.subtitle;
    known.category = textOf(step['category']) ?? known.category;
    known.location = textOf(step['location']) ?? known.location;
    known.parent = textOf(step['parent']) ?? known.parent;
    known.actor = textOf(step['actor']) ?? known.actor;
    if (step['params'] != null) known.params = step['params'];
    if (ends) {
      const error = errorOf(step['error']);
      const at = timeOf(event['timestamp']);
      known.state = error === null ? 'passed' : 'failed';
      known.error = error;
      known.durationMs = numberOf(step['durationMs']) ?? (at === null ? null : Math.max(0, at - known.startedAt));
      known.pausedMs = numberOf(step['pausedMs']);
      known.attachments = attachmentsOf(step['attachments']);
      known.endSeq = event.seq;
    }
    this.#changed.add(known);
    this.#isChanged = true;
  }

  /** Steps that are open when their attempt ends will not end. */
  #leaveOpen(attempt: number | null): void {
    for (const step of this.#steps.values()) {
      if (step.state !== 'running' || (attempt !== null && step.attempt !== attempt)) continue;
      step.state = 'unended';
      this.#changed.add(step);
      this.#isChanged = true;
    }
  }

  /** The test begins anew: what came of this attempt and of later ones is void. */
  #forgetFrom(number: number): void {
    for (const one of this.#attempts.keys()) if (one >= number) this.#attempts.delete(one);
    for (const [name, { attempt }] of this.#steps) if (attempt >= number) this.#steps.delete(name);
    this.#changed.clear();
    this.#current = number;
    this.#reset = true;
  }
}

function begun(attempt: number, id: string, step: Members, event: RunEvent): Step {
  return {
    attempt,
    id,
    parent: textOf(step['parent']),
    title: titleOf(step['title']) ?? '',
    subtitle: null,
    category: null,
    location: null,
    actor: null,
    state: 'running',
    startedAt: timeOf(event['timestamp']) ?? 0,
    durationMs: null,
    pausedMs: null,
    error: null,
    attachments: [],
    params: null,
    seq: event.seq,
    endSeq: null,
  };
}

/** The step's id within its attempt: a step without one has its number. */
function idOf(step: Members): string | null {
  const id = textOf(step['id']) ?? textOf(step['stepId']);
  if (id !== null && id !== '') return id;
  const number = wholeOf(step['stepNumber']);
  return number === null ? null : String(number);
}

function attachmentsOf(value: unknown): Attachment[] {
  return listOf(value).flatMap((one) => {
    const { name, contentType, size, artifact, note } = membersOf(one);
    if (typeof name !== 'string') return [];
    return [
      { name, contentType: textOf(contentType), size: wholeOf(size), artifact: textOf(artifact), note: textOf(note) },
    ];
  });
}

/** What the author of a test says about it. */
export function annotationsOf(value: unknown): { type: string; description: string | null }[] {
  return listOf(value).flatMap((one) => {
    const { type, description } = membersOf(one);
    return typeof type === 'string' ? [{ type, description: textOf(description) }] : [];
  });
}
