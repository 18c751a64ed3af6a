// Events of runs, as producers post them.

/** Posts events, and throws where the server refuses them. */
export async function post(url, run, events) {
  const answer = await fetch(`${url}/api/runs/${run}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: events.map((event) => JSON.stringify(event)).join('\n'),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}

export const status = (state, data = {}) => ({ type: 'run_status', status: state, data });

/** A plan: tests as `[id, title, more]`. */
export const plan = (tests) => ({
  type: 'test_plan',
  tests: tests.map(([testId, title, more = {}]) => ({
    testId,
    title,
    file: 'shop.spec.js',
    line: 7,
    project: 'chromium',
    ...more,
  })),
});

export const begin = (testId, slot = 0, attempt = 0) => ({
  type: 'test_status',
  testId,
  status: 'running',
  data: { attempt, workerIndex: slot, slot, expected: 'passed' },
});

export const step = (testId, id, title, more = {}) => ({
  type: 'test_step',
  testId,
  step: { stepNumber: Number(id), id, phase: 'begin', title, category: 'pw:api', ...more },
});

export const end = (testId, state, { attempt = 0, durationMs = 2_300, error, ...more } = {}) => ({
  type: 'test_status',
  testId,
  status: state,
  data: {
    attempt,
    durationMs,
    expected: 'passed',
    ...(error === undefined ? {} : { errors: [{ message: error, location: 'shop.spec.js:7:9' }] }),
    ...more,
  },
});

export const NOT_VISIBLE = `Error: \u001b[2mexpect(\u001b[22m\u001b[31mlocator\u001b[39m\u001b[2m).\u001b[22mtoBeVisible\u001b[2m()\u001b[22m failed

Locator:  getByText('Company is required')
Expected: visible
Received: \u001b[31m<element(s) not found>\u001b[39m
Timeout:  1500ms

Call log:
  - waiting for getByText('Company is required')
`;
