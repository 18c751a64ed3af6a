// Runs for the tests of the worker, and pages of them in front of a real server.
import { after, before } from 'node:test';

import { Server } from '../../../clients/js/test/support/server.js';
import { eventually, Page } from './session.js';

/** The server of a file of tests; it is there once its tests run. */
export let server;
const pages = [];
before(async () => (server = await Server.start()));
after(() => {
  for (const page of pages) page.session.close();
  return server.stop();
});

/** Opens a page of a run. */
export function open(run, options, at = server) {
  const page = new Page(at.url, run, options);
  pages.push(page);
  page.openLog();
  return page;
}

export const PRODUCER = 'p1';
const posted = new Map();

/** Posts as a producer, which numbers its events. */
export async function post(run, events, producer, at = server) {
  const name = `${at.url} ${run} ${producer}`;
  const seq = (posted.get(name) ?? 0) + 1;
  const told = await at.post(run, events, { 'runcast-producer': producer, 'runcast-producer-seq': String(seq) });
  posted.set(name, seq + events.length - 1);
  return told;
}

export const time = (ms) => new Date(Date.now() + ms).toISOString();
export const status = (testId, is, data = {}) => ({ type: 'test_status', testId, status: is, timestamp: time(0), data });
export const step = (testId, id, phase, more = {}) => ({
  type: 'test_step',
  testId,
  timestamp: time(0),
  step: { stepNumber: Number(id), id, attempt: 0, phase, ...more },
});
export const log = (text, more = {}) => ({ type: 'log', timestamp: time(0), text: `${text}\n`, ...more });
export const plan = (count) => ({
  type: 'test_plan',
  tests: Array.from({ length: count }, (_, at) => ({
    testId: `t${at}`,
    title: ['cart', `test ${at}`],
    file: 'cart.spec.ts',
    line: at,
  })),
});

/** A run of some tests, of which the second fails; the last one runs. */
export function story(tests = 4) {
  const events = [
    { type: 'run_status', status: 'running', data: { total: tests, workers: 2, meta: { project: 'shop', number: 7 } } },
    plan(tests),
  ];
  for (let at = 0; at < tests; at += 1) {
    events.push(status(`t${at}`, 'running', { attempt: 0, slot: at % 2, workerIndex: at % 2 }));
    events.push(step(`t${at}`, '1', 'begin', { title: 'Click', subtitle: 'button' }));
    events.push(log(`output of ${at}`, { testId: `t${at}` }));
    if (at === tests - 1) break;
    events.push(step(`t${at}`, '1', 'end', { title: 'Click', durationMs: 5 }));
    events.push(
      at === 1
        ? status('t1', 'failed', {
            attempt: 0,
            durationMs: 10,
            outcome: 'unexpected',
            errors: [{ message: 'Error: \u001b[31mno\u001b[39m', location: 'a.ts:1:2' }],
          })
        : status(`t${at}`, 'passed', { attempt: 0, durationMs: 10 }),
    );
  }
  return events;
}

/** What everybody sees of a page, without what depends on when they came. */
export const seen = (page) => ({
  word: page.head.word,
  counts: page.head.counts,
  seq: page.head.seq,
  texts: page.texts(),
  tests: [...page.tests.values()].map(
    ({ order, key, status: is, outcome, error, step: now, slotLabel, failedSeq }) => ({
      order,
      key,
      is,
      outcome,
      error,
      title: now?.title,
      slotLabel,
      failedSeq,
    }),
  ),
});

/** A page of a run that has come up to an event. */
export async function joined(run, seq, at = server) {
  const page = open(run, {}, at);
  await eventually(
    () => page.complete && page.head.seq >= seq && page.log.rows.length > 0 && page.log.rows.at(-1).seq >= seq - 2,
  );
  return page;
}
