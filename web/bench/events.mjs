// Events as a large run has them, a line each: some tests, many steps, output.
const BASE = Date.parse('2026-11-27T10:00:00.000Z');

/** `count` lines of a run of `tests` tests. `steps`: of ten lines within a test so many are about steps, the others output. */
export function* lines(count, tests = 2_000, steps = 8) {
  const write = (event) => JSON.stringify(event);
  let [made, at] = [0, 0];
  const stamp = () => new Date(BASE + (at += 3)).toISOString();
  yield write({
    type: 'run_status',
    timestamp: stamp(),
    status: 'running',
    data: { total: tests, workers: 4, meta: { project: 'bench' } },
  });
  made += 1;
  for (let first = 0; first < tests; first += 500, made += 1) {
    const plan = Array.from({ length: Math.min(500, tests - first) }, (_, of) => {
      const n = first + of;
      return {
        testId: `test-${n}`,
        title: ['bench', `group ${n % 20}`, `does thing ${n}`],
        file: `tests/file-${n % 50}.spec.ts`,
        line: n,
        project: 'chromium',
      };
    });
    yield write({ type: 'test_plan', timestamp: stamp(), tests: plan });
  }
  const each = Math.floor((count - made - 1) / tests);
  for (let n = 0; n < tests; n += 1) {
    const testId = `test-${n}`;
    const isLast = n === tests - 1;
    const own = isLast ? count - made - 1 : each;
    yield write({
      type: 'test_status',
      timestamp: stamp(),
      testId,
      status: 'running',
      data: { attempt: 0, workerIndex: n % 4, slot: n % 4, expected: 'passed' },
    });
    for (let i = 1; i < own - 1; i += 1) {
      if ((i - 1) % 10 >= steps) {
        yield write({
          type: 'log',
          timestamp: stamp(),
          testId,
          attempt: 0,
          stream: 'stdout',
          text: `\u001b[32mGET\u001b[39m /api/cart/${i} 200 in ${i % 90} ms\n`,
        });
      } else {
        const phase = i % 2 === 0 ? 'end' : 'begin';
        const id = String(Math.ceil(i / 2));
        const step =
          phase === 'begin'
            ? {
                stepNumber: Number(id),
                id,
                parent: '1',
                attempt: 0,
                phase,
                title: 'Click',
                subtitle: `getByRole('button', { name: 'Pay ${i}' })`,
                category: 'pw:api',
                location: `tests/file-${n % 50}.spec.ts:${i}:9`,
              }
            : { stepNumber: Number(id), id, attempt: 0, phase, durationMs: 12 };
        yield write({ type: 'test_step', timestamp: stamp(), testId, step });
      }
    }
    const failed = n % 100 === 7;
    yield write({
      type: 'test_status',
      timestamp: stamp(),
      testId,
      status: failed ? 'failed' : 'passed',
      data: {
        attempt: 0,
        workerIndex: n % 4,
        slot: n % 4,
        expected: 'passed',
        durationMs: 1_500,
        ...(failed && {
          errors: [
            { message: 'Error: expect(received).toBe(expected)\n\nExpected: 1\nReceived: 2', location: 'a.ts:3:4' },
          ],
        }),
      },
    });
    made += own;
  }
  yield write({ type: 'run_status', timestamp: stamp(), status: 'failed' });
}
