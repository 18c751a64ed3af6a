/** The rows of the log that an event is shown as. */
import type { LogRow, Span, TestKey } from '../model.js';
import { linesOf, type Output, plainOf } from './output.js';
import { COMMAND_TYPES, commandWords, expiredWords, reportWords } from './command-words.js';
import {
  BETWEEN_TITLES,
  errorOf,
  listOf,
  membersOf,
  numberOf,
  type RunEvent,
  textOf,
  timeOf,
  titleOf,
  wholeOf,
} from './read.js';

/** What rows need to know of the run. */
export interface RowContext {
  /** The test that an event belongs to. */
  keyOf(event: RunEvent): TestKey | null;
  /** Title and project of a test. */
  named(key: TestKey): { title: string; project: string | null } | null;
  /** The label of the slot in which an attempt of a test runs or ran. */
  slotLabel(key: TestKey, attempt: number | null): string | null;
}

/** Rows of an event, and how they are joined to those before. */
export interface EventRows {
  rows: LogRow[];
  /** Output of which the last line has no end yet: what comes of the same source may go on with it. */
  open: boolean;
  /** Output that begins by writing the line before again. */
  again: boolean;
  /** Who wrote the output; null: it is none. */
  source: string | null;
}

/** Lines that are shown of an error. */
const MAX_ERROR_LINES = 200;
/** Characters of an event of an unknown type. */
const MAX_JSON = 500;

/** Events without rows. */
const SILENT = new Set(['artifact', 'alive', 'sealed']);

/** The rows of an event. `ofTest`: in the log of one test, which shows the errors of its steps as well. */
export function rowsOf(event: RunEvent, context: RowContext, ofTest: boolean): EventRows {
  const at = timeOf(event['timestamp']) ?? timeOf(event['at']) ?? 0;
  const test = context.keyOf(event);
  const { attempt } = membersOf(event['data']);
  const number = wholeOf(event['attempt']) ?? wholeOf(attempt) ?? wholeOf(membersOf(event['step'])['attempt']);
  const slotLabel = test === null ? null : context.slotLabel(test, number);
  const base = { seq: event.seq, at, slotLabel, test };
  const row = (kind: LogRow['kind'], spans: Span[], state?: string): LogRow => ({
    ...base,
    line: 0,
    kind,
    spans,
    ...(state === undefined ? {} : { state }),
  });
  const said = (kind: LogRow['kind'], text: string, state?: string): LogRow =>
    row(kind, [{ text: short(text) }], state);
  const rows = (...list: LogRow[]): EventRows => {
    for (const [line, one] of list.entries()) one.line = line;
    return { rows: list, open: false, again: false, source: null };
  };
  const failure = (error: unknown): LogRow[] => {
    const read = errorOf(error);
    return read === null ? [] : linesOfError(read.message).map((spans) => row('error', spans));
  };

  switch (event.type) {
    case 'log': {
      const output = linesOf(textOf(event['text']) ?? textOf(event['message']) ?? '');
      const list = outputRows(output, row);
      const bytes = wholeOf(membersOf(event['data'])['leftOutBytes']);
      if (bytes !== null) for (const one of list) one.kind = 'notice';
      const source = `${test ?? ''}\u0001${number ?? ''}\u0001${textOf(event['stream']) ?? ''}`;
      return { ...rows(...list), open: output.open, again: output.again, source: bytes === null ? source : null };
    }
    case 'test_status':
      return rows(...(test === null ? [] : statusRows(event, test)));
    case 'test_step': {
      const step = membersOf(event['step']);
      const error = step['phase'] === 'end' ? errorOf(step['error']) : null;
      if (error === null || (test !== null && !ofTest)) return rows();
      const [first = []] = linesOfError(error.message);
      const title = titleOf(step['title']);
      return rows(row('error', title === null ? first : [{ text: `${short(title)}: ` }, ...first]));
    }
    case 'error':
      return rows(...failure(event['error'] ?? event['message']));
    case 'run_status': {
      const status = textOf(event['status']) ?? '';
      const detail = textOf(event['detail']);
      const told = said('status', `Run ${RUN_WORDS[status] ?? status}${detail === null ? '' : `: ${detail}`}`, status);
      return rows(...failure(membersOf(event['data'])['error']), told);
    }
    case 'test_plan': {
      const count = listOf(event['tests']).length;
      return rows(said('status', `${count.toLocaleString('en')} ${count === 1 ? 'test' : 'tests'} planned`));
    }
    case 'worker':
      return rows(said('status', workerWords(event)));
    case 'producer_status':
      return rows(said('notice', PRODUCER_WORDS[textOf(event['status']) ?? ''] ?? 'A producer has changed'));
    case 'shards_given_up':
      return rows(said('notice', 'Shards that were announced did not join in time'));
    case 'events_lost': {
      const lost = (numberOf(event['to']) ?? 0) - (numberOf(event['from']) ?? 0) + 1;
      return rows(
        said('notice', `${lost.toLocaleString('en')} ${lost === 1 ? 'event' : 'events'} of a producer never came`),
      );
    }
    case 'ai_stuck': {
      const question = textOf(event['message']) ?? textOf(event['question']) ?? textOf(event['summary']);
      return rows(said('ask', question ?? textOf(event['reason']) ?? 'Somebody is asked'));
    }
    case 'ask_expired':
      return rows(said('ask', expiredWords(event)));
    case 'ask_reopened':
      return rows(said('ask', 'The answer was lost: the question is asked again'));
    case 'command_status': {
      const words = reportWords(event);
      return rows(...(words === null ? [] : [said('command', words)]));
    }
  }
  if (COMMAND_TYPES.has(event.type)) {
    const kind = event.type === 'ask_answered' || event.type === 'ask_extended' ? 'ask' : 'command';
    return rows(said(kind, commandWords(event)));
  }
  if (SILENT.has(event.type)) return rows();
  return rows(row('notice', [{ text: short(plainOf(event.type)) }, { text: ` ${compact(event)}`, dim: true }]));

  function statusRows(of: RunEvent, key: TestKey): LogRow[] {
    const status = textOf(of['status'])?.toLowerCase() ?? '';
    if (status === 'pending' || status === 'queued') return [];
    const data = membersOf(of['data']);
    const named = context.named(key);
    const title = titleOf(data['title']) ?? named?.title ?? textOf(of['testId']) ?? '';
    const spans: Span[] = [{ text: short(title.split(BETWEEN_TITLES).join(': ')), bold: true }];
    if (status === 'running') {
      const again = (number ?? 0) > 0 ? `attempt ${(number ?? 0) + 1}` : null;
      const dim = [named?.project ?? null, again].filter((one) => one !== null).join(' · ');
      if (dim !== '') spans.push({ text: `  ${dim}`, dim: true });
      return [row('test', spans, 'running')];
    }
    const errors = Array.isArray(data['errors']) && data['errors'].length > 0 ? data['errors'] : [data['error']];
    const outcome = textOf(data['outcome']);
    const expected = textOf(data['expected'])?.toLowerCase() ?? 'passed';
    const state =
      outcome === 'flaky'
        ? 'flaky'
        : outcome === 'expected' && status !== 'skipped'
          ? 'passed'
          : status === expected && status === 'failed'
            ? 'passed'
            : status;
    spans.push({ text: `  ${endWords(status, expected, outcome, number)}`, dim: true });
    const took = numberOf(data['durationMs']);
    if (took !== null && status !== 'skipped') spans.push({ text: `  ${duration(took)}`, dim: true });
    if (named?.project != null) spans.push({ text: `  ${named.project}`, dim: true });
    // A failure that was expected is nothing to look at, unless one looks at the test.
    const shown = status === expected && !ofTest ? [] : errors;
    return [...shown.flatMap((error) => failure(error)), row('test', spans, state)];
  }
}

function outputRows(output: Output, row: (kind: LogRow['kind'], spans: Span[]) => LogRow): LogRow[] {
  const list = output.lines.map(({ spans, updates }) => {
    const one = row('log', spans);
    if (updates > 0) one.updates = updates;
    return one;
  });
  if (output.leftOut > 0)
    list.push(row('notice', [{ text: `${output.leftOut.toLocaleString('en')} more lines are not shown` }]));
  return list;
}

function linesOfError(message: string): Span[][] {
  const { lines, leftOut } = linesOf(message.replace(/\s+$/, ''));
  const shown = lines.slice(0, MAX_ERROR_LINES).map(({ spans }) => spans);
  const more = lines.length - shown.length + leftOut;
  if (more > 0) shown.push([{ text: `${more.toLocaleString('en')} more lines`, dim: true }]);
  return shown;
}

function endWords(status: string, expected: string, outcome: string | null, attempt: number | null): string {
  const word = status === 'timedout' ? 'timed out' : status;
  const count = (attempt ?? 0) + 1;
  if (outcome === 'flaky') return `passed at attempt ${count}, flaky`;
  if (status === expected && status === 'failed') return 'failed, as expected';
  if (status === 'passed' && expected === 'failed') return 'passed, and was expected to fail';
  return count > 1 && status !== 'passed' && outcome !== null ? `${word} after ${count} attempts` : word;
}

function workerWords(event: RunEvent): string {
  const shard = membersOf(event['shard']);
  const of = [
    textOf(event['variant']),
    typeof shard['current'] === 'number' ? `shard ${shard['current']} of ${String(shard['total'])}` : null,
  ].filter((one) => one !== null);
  return `A producer has ${event['state'] === 'left' ? 'left' : 'joined'}${of.length > 0 ? `: ${of.join(', ')}` : ''}`;
}

function duration(ms: number): string {
  return ms < 60_000
    ? `${(ms / 1_000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1_000) % 60).padStart(2, '0')}`;
}

function compact(event: RunEvent): string {
  const { seq: _, type: __, timestamp: ___, testId: ____, ...rest } = event;
  return short(plainOf(JSON.stringify(rest)), MAX_JSON);
}

function short(text: string, most = 1_000): string {
  const line = plainOf(text).replace(/\n/g, ' ');
  return line.length > most ? `${line.slice(0, most)}…` : line;
}

const RUN_WORDS: Record<string, string> = {
  queued: 'queued',
  running: 'running',
  paused: 'paused',
  failing: 'failing',
  passed: 'passed',
  failed: 'failed',
  timedout: 'timed out',
  interrupted: 'interrupted',
  cancelled: 'cancelled',
  stalled: 'stalled',
  lost: 'lost',
};
const PRODUCER_WORDS: Record<string, string> = {
  silent: 'No sign of a producer',
  back: 'The producer is back',
  joined: 'The producer is back',
  lost: 'A producer is given up',
};
