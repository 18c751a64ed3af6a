// Recorded runs and the states that they fold to: `tests/golden.rs` writes them.
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** As in `tests/golden.rs`. */
const START = 1_795_000_000_000;
const STAMPED = new Set(['run_status', 'test_status', 'worker', 'command_status', 'ai_stuck']);

const lines = (file) => readFileSync(`${ROOT}/${file}`, 'utf8').trimEnd().split('\n');

const posted = (file) =>
  lines(file).map((line, index) => ({ at: START + 1_000 * (index + 1), event: JSON.parse(line) }));

function matrix() {
  return lines('tests/data/matrix-run/posts.ndjson').flatMap((line) => {
    const { at, producer, events } = JSON.parse(line);
    const stamp = { producer, at: new Date(at).toISOString() };
    return events.map((event) => ({ at, event: STAMPED.has(event.type) ? { ...stamp, ...event } : event }));
  });
}

/** The names of all recordings. */
export const NAMES = readdirSync(`${ROOT}/tests/data/golden`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** The events of a recording, the first with seq 1: `{ at, event }`. */
export function logOf(name) {
  if (name === 'demo') return posted('demo/run.ndjson');
  if (name === 'plain') return posted('tests/data/run.ndjson');
  if (name === 'matrix') return matrix();
  return lines(`tests/data/golden/${name}/log.ndjson`).map((line) => JSON.parse(line));
}

/**
 * What the run is at some places: `{ seq, overview, tests }`, as the server answers with `resume=1` (`resumable`) and
 * without (`plain`).
 */
export function statesOf(name) {
  const tests = [];
  return lines(`tests/data/golden/${name}/states.ndjson`).map((line) => {
    const state = JSON.parse(line);
    for (const [at, test] of state.tests) tests[at] = test;
    const shown = tests.map(plainTest);
    const { resume, ...overview } = state.overview;
    const urgent = overview.tests.map((at) => shown[at]);
    const { resume: controlResume, ...control } = overview.control;
    return {
      seq: state.seq,
      resumable: { overview: { ...state.overview, tests: urgent }, tests: [...tests] },
      plain: { overview: { ...overview, control, tests: urgent }, tests: shown },
    };
  });
}

function plainTest({ resume, ...test }) {
  return { ...test, ...(test.attempts && { attempts: test.attempts.map(({ resume, ...attempt }) => attempt) }) };
}

/** As JSON has it: without members that are undefined, and with all members in one order. */
export function json(value) {
  return JSON.parse(
    JSON.stringify(value, (_, member) => {
      if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
      return Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)));
    }),
  );
}
