// How long the fold takes: a recording is repeated, each time as tests of its own, to so many events.
//
//   node --expose-gc bench/fold.mjs [EVENTS [TESTS]]
import { logOf } from '../test/support/golden.js';
import { load } from '../test/support/load.js';

const { RunFold } = await load('fold/index.ts');
const [events = 1_000_000, tests = 10_000] = process.argv.slice(2).map(Number);
// Who joins and ends does so once: a run ends once.
const all = logOf('matrix');
const log = all.filter(({ event }) => event.type !== 'worker' && event.type !== 'run_status');
const joins = all.filter(({ event }) => event.type === 'worker' && event.state === 'joined');
const mb = (bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;

globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
const fold = RunFold.empty('bench', '7');
const perRound = new Set(log.flatMap(({ event }) => event.testId ?? [])).size;
let [seq, ms, longest] = [0, 0, 0];
for (const { at, event } of joins) fold.apply((seq += 1), at, event);
for (let round = 0; seq < events; round += 1) {
  // Parsed anew, as the worker does; that is not counted.
  const suffix = `-${round % Math.ceil(tests / perRound)}`;
  const copy = log.map(({ at, event }) => ({
    at: at + round * 60_000,
    event: JSON.parse(JSON.stringify(event, (name, value) => (name === 'testId' ? value + suffix : value))),
  }));
  const start = performance.now();
  for (const { at, event } of copy) fold.apply((seq += 1), at, event);
  ms += performance.now() - start;
  longest = Math.max(longest, performance.now() - start);
}
globalThis.gc?.();
const used = process.memoryUsage().heapUsed - before;
const time = (what) => {
  const start = performance.now();
  what();
  return `${(performance.now() - start).toFixed(2)} ms`;
};
console.log(
  `${seq} events, ${fold.tests().length} tests: ${ms.toFixed(0)} ms, ${((ms * 1_000) / seq).toFixed(2)} µs each`,
);
console.log(`longest round of ${log.length} events: ${longest.toFixed(1)} ms; heap: ${mb(used)}`);
console.log(
  `view: ${time(() => fold.view())}; fork: ${time(() => fold.fork())}; the event behind it: ${time(() =>
    fold.apply(seq + 1, null, { type: 'test_status', testId: 'new', status: 'running' }),
  )}`,
);
