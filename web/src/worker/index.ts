/**
 * The worker of a run's page: it owns the connection and the fold of the run, and tells the page what changed.
 *
 * This first form keeps all events, and asks the server for the state.
 */
import { connect, type Run, type RunEvent, type Watch } from '@runcast/client';

import type {
  Artifact, Attempt, Connection, FromWorker, Head, LogRow, LogScope, Step, TestKey, TestRow, ToWorker, Word,
} from '../model.js';

const events: (RunEvent & Record<string, any>)[] = [];
let run: Run;
let watch: Watch;
let open: TestKey | null = null;
let log: { log: number; scope: LogScope; sent: number } | null = null;
let offset = 0;
let dirty = true;

const tell = (message: FromWorker, transfer: Transferable[] = []) => postMessage(message, { transfer });
const keyOf = (variant: unknown, testId: unknown): TestKey => `${typeof variant === 'string' ? variant : ''}\u0001${String(testId)}`;
const time = (value: unknown): number | null => (typeof value === 'string' ? Date.parse(value) : null);
const now = () => Date.now() + offset;

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === 'open') begin(data);
  else if (data.type === 'look') watch.look(data.look);
  else if (data.type === 'test') { open = data.key; dirty = true; }
  else if (data.type === 'log') { log = { log: data.log, scope: data.scope, sent: -1 }; dirty = true; }
  else if (data.type === 'moment') tell({ type: 'moment', moment: { live: data.to === 'live', seq: typeof data.to === 'object' && 'seq' in data.to ? data.to.seq : events.length, at: null, loading: false } });
  else if (data.type === 'call') void call(data.id, data.method, data.params as any);
});

function begin(data: ToWorker & { type: 'open' }) {
  const client = connect({ url: data.baseUrl, user: data.user });
  run = client.run(data.runId);
  watch = run.watch({ screen: 'auto', maxFps: 8 });
  watch.addEventListener('event', ({ detail }) => { events.push(detail as any); dirty = true; });
  watch.addEventListener('status', () => (dirty = true));
  watch.addEventListener('frame', async ({ detail }) => {
    const picture = await createImageBitmap(new Blob([detail.bytes as Uint8Array<ArrayBuffer>], { type: detail.contentType }));
    tell({ type: 'frame', stream: detail.stream, picture, testId: detail.testId, at: time(detail.timestamp) ?? now() }, [picture]);
  });
  setInterval(() => void refresh(), 400);
}

async function refresh() {
  const status = watch.status;
  const connection: Connection = {
    status, since: 0, seq: events.length, tip: events.length + watch.behind, behindMs: 400, retryAt: null, error: null, closeCode: null,
    clockOffsetMs: offset,
  };
  tell({ type: 'connection', connection });
  if (!dirty) return;
  dirty = false;
  try {
    const state: any = await run.state();
    const rows: TestRow[] = [];
    let order = 0;
    for await (const test of run.tests()) rows.push(rowOf(test, order++, state));
    tell({ type: 'head', head: headOf(state, rows) });
    tell({ type: 'tests', reset: true, rows, complete: true });
  } catch {
    tell({ type: 'head', head: headOf({ runId: run.id, counts: {}, outcomes: {}, commands: [], asks: [], producers: [], shards: [], variants: [], control: {} }, []) });
  }
  tellTimeline();
  tellArtifacts();
  if (open !== null) tellDetail(open);
  if (log !== null && log.sent !== events.length) {
    const rows = events.flatMap((event) => rowsOf(event)).filter((row) => inScope(row));
    tell({ type: 'log', change: { log: log.log, reset: true, append: rows.slice(-5000), earlier: false, later: false } });
    log.sent = events.length;
  }
}

function headOf(state: any, rows: TestRow[]): Head {
  const { counts = {}, outcomes = {} } = state;
  const asks = (state.asks ?? []).map(askOf);
  const over = ['passed', 'failed', 'timedout', 'interrupted', 'cancelled', 'lost'].includes(state.status);
  const failed = outcomes.unexpected ?? 0;
  const word: Word = state.status == null ? 'waiting' : over ? state.status : asks.length ? 'needs_you' : state.paused ? 'paused'
    : failed ? 'failing' : state.status === 'failing' ? 'failing' : state.status;
  const total = Math.max(state.total ?? 0, rows.length);
  const running = counts.running ?? 0;
  const done = failed + (outcomes.flaky ?? 0) + (outcomes.expected ?? 0) + (outcomes.skipped ?? 0);
  return {
    runId: run.id, seq: events.length, word, status: state.status ?? null, over,
    counts: { failed, flaky: outcomes.flaky ?? 0, passed: outcomes.expected ?? 0, skipped: outcomes.skipped ?? 0, running,
      queued: Math.max(0, total - done - running), asks: asks.length },
    total, startedAt: time(state.startedAt), endedAt: time(state.endedAt), lastEventAt: time(state.lastEventAt),
    elapsedMs: state.elapsedMs ?? null, elapsedAt: time(state.lastEventAt) ?? now(), ticking: !over && state.status != null, leftMs: over ? null : 20_000,
    meta: state.meta ?? {}, workers: state.workers ?? null,
    lastError: state.lastError ? { message: state.lastError.message, at: time(state.lastError.at) ?? 0 } : null,
    variants: [], shards: state.shards ?? [],
    slots: [...new Set(rows.filter(({ slot }) => slot !== null).map(({ producer, slot }) => `${producer}/${slot}`))].sort().map((stream) => {
      const slot = Number(stream.slice(stream.lastIndexOf('/') + 1));
      const own = rows.filter((row) => `${row.producer}/${row.slot}` === stream);
      const runs = own.find(({ status }) => status === 'running');
      return { producer: stream.slice(0, stream.lastIndexOf('/')), slot, stream, label: String(slot), test: runs?.key ?? own.at(-1)?.key ?? null,
        running: runs !== undefined, paused: state.paused != null };
    }),
    producers: state.producers ?? [],
    control: { holder: state.control?.holder ?? null, lease: state.control?.lease ?? null, since: time(state.control?.since), mine: false },
    paused: state.paused ? { since: time(state.paused.since) ?? 0, until: time(state.paused.until) ?? 0, by: state.paused.by } : null,
    commands: (state.commands ?? []).map((command: any) => ({ ...command, at: time(command.at), seq: Number(String(command.cursor).split(':').at(-1)),
      expiresAt: time(command.expiresAt), producer: command.producer ?? null, detail: command.detail ?? null, event: command.event ?? null, result: command.result ?? null })),
    asks, holdsOnFailure: false, steerable: (state.producers ?? []).length > 0 && !over, viewers: state.viewers ?? null, firstAvailable: 1,
  };
}

function askOf(ask: any): Head['asks'][number] {
  const event = ask.event ?? {};
  return {
    askId: ask.askId, seq: 0, at: time(ask.at) ?? 0, producer: ask.producer, test: event.testId ? keyOf(event.variant, event.testId) : null, needs: ask.needs,
    question: event.question ?? event.summary ?? event.reason ?? '', goal: event.goal ?? null, attempts: event.attempts ?? [], lastError: event.lastError ?? null,
    candidates: event.candidates ?? [], screenshot: event.screenshot ?? null, url: event.url ?? null, expiresAt: time(ask.expiresAt),
    onTimeout: typeof ask.onTimeout === 'string' ? ask.onTimeout : (ask.onTimeout?.action ?? 'wait'), onTimeoutValue: null, secret: ask.secret ?? false,
  };
}

function rowOf(test: any, order: number, state: any): TestRow {
  const began = events.findLast((event) => event.type === 'test_status' && event['testId'] === test.testId && event['status'] === 'running');
  return {
    key: keyOf(test.variant, test.testId), testId: test.testId, variant: test.variant ?? null, path: (test.title ?? test.testId).split(' › '),
    file: test.file, line: test.line, project: test.project ?? null, tags: test.tags ?? [], annotations: test.annotations ?? [], order,
    status: test.status, outcome: test.outcome ?? null, attempt: test.attempt ?? 0, producer: test.producer ?? null, slot: test.slot ?? null,
    slotLabel: test.slot == null ? null : String(test.slot), startedAt: time(began?.timestamp), durationMs: test.durationMs,
    error: test.error ?? test.attempts?.findLast?.((attempt: any) => attempt.error)?.error ?? null, errorLocation: test.location ?? null,
    step: test.step ? { id: test.step.id, title: test.step.title ?? '', subtitle: test.step.subtitle ?? null, startedAt: null } : null,
    failedSeq: test.outcome === 'unexpected' ? (events.findLast((event) => event['testId'] === test.testId && event.type === 'test_status')?.seq ?? null) : null,
    paused: state.paused != null && test.status === 'running', askId: null, held: false,
  };
}

function tellTimeline() {
  const first = events[0];
  const last = events.at(-1);
  if (first === undefined || last === undefined) return;
  const from = time(first.timestamp) ?? 0;
  const to = Math.max(time(last.timestamp) ?? from, from + 1);
  const bins = new Array<number>(200).fill(0);
  const seqs = new Array<number>(200).fill(0);
  const marks: any[] = [];
  for (const event of events) {
    const at = time(event.timestamp) ?? from;
    const bin = Math.min(199, Math.max(0, Math.floor(((at - from) / (to - from)) * 200)));
    bins[bin]! += 1;
    seqs[bin] = event.seq;
    if (event.type === 'test_status' && event['status'] === 'failed') marks.push({ seq: event.seq, at, kind: 'failed', test: keyOf(event['variant'], event['testId']) });
    if (event.type === 'ai_stuck') marks.push({ seq: event.seq, at, kind: 'ask', test: null });
    if (event.type === 'pause_requested') marks.push({ seq: event.seq, at, kind: 'paused', test: null });
  }
  for (let bin = 1; bin < 200; bin += 1) seqs[bin] ||= seqs[bin - 1]!;
  tell({ type: 'timeline', timeline: { from, to, bins, seqs, marks } });
}

function tellArtifacts() {
  const rows = events.filter(({ type }) => type === 'artifact').map((event): Artifact => ({
    artifactId: event['artifactId'], name: event['name'], kind: event['kind'], contentType: event['contentType'], test: event['test'] ?? null, size: event['size'] ?? null,
    storedSize: event['storedSize'] ?? null, savedPercent: event['savedPercent'] ?? null, expiresAt: null, downloadUrl: event['downloadUrl'],
    traceUrl: event['traceUrl'] ?? null, seq: event.seq,
  }));
  tell({ type: 'artifacts', reset: true, rows });
}

function tellDetail(key: TestKey) {
  const attempts: Attempt[] = [];
  const steps: Step[] = [];
  const error = (value: any) => typeof value === 'string' ? { message: value, location: null, snippet: null, stack: null }
    : value ? { message: value.message ?? '', location: value.location ?? null, snippet: value.snippet ?? null, stack: value.stack ?? null } : null;
  for (const event of events) {
    if (keyOf(event['variant'], event['testId']) !== key) continue;
    const { data = {}, step } = event as any;
    if (event.type === 'test_status') {
      const number = data.attempt ?? 0;
      let attempt = attempts.find((one) => one.attempt === number);
      if (attempt === undefined) attempts.push((attempt = {
        attempt: number, status: 'running', expected: null, startedAt: time(event.timestamp), durationMs: null, holdMs: null, producer: (event['producer'] as string) ?? null, slot: data.slot ?? null,
        slotLabel: data.slot == null ? null : String(data.slot), errors: [], attachments: [], annotations: [], traceId: data.traceId ?? null, seq: event.seq, endSeq: null,
      }));
      attempt.status = (event['status'] as string).toLowerCase() as any;
      if (event['status'] !== 'running') Object.assign(attempt, { durationMs: data.durationMs ?? null, holdMs: data.holdMs ?? null, errors: (data.errors ?? []).map(error), attachments: data.attachments ?? [], annotations: data.annotations ?? [], endSeq: event.seq, expected: data.expected ?? null });
    } else if (event.type === 'test_step' && step) {
      const id = step.id ?? String(step.stepNumber);
      const number = step.attempt ?? attempts.at(-1)?.attempt ?? 0;
      let known = steps.find((one) => one.id === id && one.attempt === number);
      if (known === undefined) steps.push((known = {
        attempt: number, id, parent: step.parent ?? null, title: Array.isArray(step.title) ? step.title.join(' › ') : (step.title ?? ''), subtitle: step.subtitle ?? null, category: step.category ?? null,
        location: step.location ?? null, actor: step.actor ?? null, state: 'running', startedAt: time(event.timestamp) ?? 0, durationMs: null, pausedMs: null, error: null, attachments: [], params: step.params, seq: event.seq, endSeq: null,
      }));
      if (step.phase === 'end') Object.assign(known, { state: step.error ? 'failed' : 'passed', durationMs: step.durationMs ?? null, pausedMs: step.pausedMs ?? null, error: error(step.error), endSeq: event.seq, attachments: step.attachments ?? [] });
    }
  }
  tell({ type: 'detail', key, reset: true, attempts, steps, loading: false, omitted: 0 });
}

function rowsOf(event: any): LogRow[] {
  const base = { seq: event.seq, at: time(event.timestamp) ?? 0, slotLabel: null as string | null, test: event.testId ? keyOf(event.variant, event.testId) : null };
  if (event.testId) base.slotLabel = String(events.findLast((one) => one['testId'] === event.testId && (one['data'] as any)?.slot != null && one.seq <= event.seq)?.['data']?.['slot' as never] ?? '') || null;
  const plain = (text: string) => text.replace(/\x1b\[[0-9;]*m/g, '');
  if (event.type === 'log') return plain(event.text ?? event.message ?? '').replace(/\n$/, '').split('\n').map((text, line) => ({ ...base, line, kind: 'log', spans: [{ text }] }));
  if (event.type === 'test_status' && event.status !== 'pending') {
    const title = event.data?.title;
    const errors = (event.data?.errors ?? []).flatMap((error: any) => plain(error.message ?? '').split('\n')).map((text: string, line: number) => ({ ...base, line: line + 1, kind: 'error' as const, spans: [{ text }] }));
    return [...errors, { ...base, line: 0, kind: 'test', state: event.status, spans: [{ text: Array.isArray(title) ? title.join(' › ') : (title ?? event.testId) }, { text: event.status, dim: true }] }];
  }
  if (event.type === 'ai_stuck') return [{ ...base, line: 0, kind: 'ask', spans: [{ text: event.question ?? event.summary ?? event.reason ?? 'asks' }] }];
  if (event.type === 'run_status') return [{ ...base, line: 0, kind: 'status', state: event.status, spans: [{ text: `run ${event.status}` }] }];
  return [];
}

function inScope(row: LogRow): boolean {
  const scope = log!.scope;
  return scope.of === 'run' || (scope.of === 'test' ? row.test === scope.key : row.slotLabel === String(scope.slot));
}

async function call(id: number, method: string, params: any) {
  try {
    if (method === 'command') {
      const { command, options } = params;
      const handle = await run.command(command, options);
      return tell({ type: 'answer', id, value: { commandId: handle.id, state: handle.status } });
    }
    if (method === 'event') return tell({ type: 'answer', id, value: events.find(({ seq }) => seq === params.seq) });
    if (method === 'search') {
      const q = params.q.toLowerCase();
      const hits = events.flatMap((event) => rowsOf(event)).filter((row) => row.spans.map(({ text }) => text).join('').toLowerCase().includes(q)).slice(0, 200).map((row) => {
        const excerpt = row.spans.map(({ text }) => text).join('');
        const at = excerpt.toLowerCase().indexOf(q);
        return { seq: row.seq, type: row.kind, test: row.test, line: row.line, excerpt, ranges: [[at, at + q.length]], at: row.at };
      });
      return tell({ type: 'answer', id, value: { hits, cursor: '', more: false } });
    }
    tell({ type: 'refusal', id, code: 'not_found', detail: `no ${method} yet`, members: {} });
  } catch (error: any) {
    tell({ type: 'refusal', id, code: error.code ?? 'failed', detail: error.detail ?? error.message, members: error.members ?? {} });
  }
}
