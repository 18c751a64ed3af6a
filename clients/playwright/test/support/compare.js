// Compares the log of a run with what Playwright told its reporters.
const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const { isDeepStrictEqual } = require('node:util');

const { eventsOf } = require('./project.js');
const { reportOf } = require('./report.js');

const FINAL = new Set(['passed', 'failed', 'timedout', 'interrupted', 'cancelled', 'lost']);

/** What the log has besides what Playwright told. */
const RERUN = 'to run the failed tests';

/**
 * Compares a run with a report, event by event and in order: the plan; begins and ends of tests and steps, with all
 * that belongs to them; errors; output, byte by byte; attachments, with their bytes; the end. Throws on the first
 * difference.
 *
 * `report`: a blob report (a zip file, or a directory with one) or a file of witness.js. `variant`: whose tests are
 * meant, if the run has several. `attachments`: `false` compares no bytes. `mask`: what is done to all expected texts.
 * `after`: the number of an event: those up to it are left out.
 * `cut`: the run was killed, so its log may end earlier, and what was open then may be closed as interrupted.
 * `end`: the status that the run has to have, if it is not the one that Playwright told.
 * Resolves to how many facts were compared, and how many are `missing` of a run that was cut; `events` are all.
 */
async function compare({
  url,
  run = 'r',
  report: file,
  variant,
  attachments = true,
  after = 0,
  cut = false,
  end,
  mask = (text) => text,
}) {
  const report = masked(reportOf(file), mask);
  const events = (await eventsOf(url, run)).filter(({ seq }) => seq > after);
  const log = logOf(events, new Set(report.plan.map(({ testId }) => testId)), variant);
  if (report.plan.length > 0 || !cut) assert.deepEqual(plain(log.plan), plain(report.plan), 'the plan');
  const compared = sameFacts(log, report, cut);
  for (const [key, { before, text }] of outputs(report, log)) {
    const told = cut ? before.slice(0, text.length) : before;
    assert.equal(text, told, `output of ${key}`);
  }
  if (attachments) await sameBytes(url, run, log, report);
  if (report.end && !cut) {
    const { status, durationMs } = report.end;
    assert.deepEqual(log.end, { status: end ?? status, durationMs: Math.round(durationMs) }, 'the end of the run');
  }
  assert.deepEqual(
    events.filter(({ type }) => type === 'events_lost'),
    [],
    'events were lost',
  );
  return { ...compared, events };
}

/** The log in the words of a report. */
function logOf(events, tests, variant) {
  const isOurs = (event) => tests.has(event.testId) && (variant === undefined || event.variant === variant);
  const producers = new Set(
    events.filter((event) => event.type === 'test_status' && isOurs(event)).map(({ producer }) => producer),
  );
  const all = new Set(events.filter(({ type }) => type === 'run_status').map(({ producer }) => producer));
  const isAlone = all.size === 1;
  const log = { facts: [], plan: [], output: new Map(), attachments: new Map(), end: undefined };
  const take = {
    test_plan(event) {
      if (variant !== undefined && event.variant !== variant) return;
      for (const { testId, title, file, line, project, tags } of event.tests) {
        if (tests.has(testId)) log.plan.push({ testId, title, file, line, project: project ?? '', tags: tags ?? [] });
      }
    },
    test_status(event) {
      if (!isOurs(event)) return;
      const { testId, status, data, timestamp } = event;
      const { attempt } = data;
      if (status === 'running') {
        const { workerIndex, slot } = data;
        log.facts.push({ what: 'test begins', testId, attempt, workerIndex, slot, startTime: Date.parse(timestamp) });
        return;
      }
      const { expected, durationMs, errors = [], annotations = [], attachments = [] } = data;
      log.attachments.set(`${testId} ${attempt}`, attachments);
      log.facts.push({
        what: 'test ends',
        testId,
        attempt,
        status,
        expected,
        durationMs,
        errors,
        annotations,
        attachments: attachments.map(({ name, contentType }) => ({ name, contentType })),
      });
    },
    test_step(event) {
      if (!isOurs(event)) return;
      const { testId, step, timestamp } = event;
      const { id, stepNumber, attempt, parent, phase, title, subtitle, category, location, params } = step;
      assert.equal(id, String(stepNumber));
      if (phase === 'begin') {
        const startTime = Date.parse(timestamp);
        log.facts.push({
          what: 'step begins',
          testId,
          attempt,
          id,
          parent,
          title,
          subtitle,
          category,
          location,
          params,
          startTime,
        });
      } else {
        const { durationMs, error, attachments = [] } = step;
        const names = attachments.map(({ name }) => name);
        log.facts.push({ what: 'step ends', testId, attempt, id, durationMs, error, attachments: names });
      }
    },
    error: ({ error }) => isAlone && log.facts.push({ what: 'error', error }),
    log(event) {
      if (event.testId === undefined ? !isAlone : !isOurs(event)) return;
      if (event.text.startsWith(RERUN)) return;
      const key = `${event.testId ?? ''} ${event.testId === undefined ? '-' : event.attempt} ${event.stream}`;
      log.output.set(key, (log.output.get(key) ?? '') + event.text);
    },
    run_status({ producer, status, data }) {
      const isEnd = FINAL.has(status) && (isAlone || producers.has(producer));
      if (isEnd) log.end = { status, durationMs: data?.durationMs };
    },
  };
  for (const event of events) take[event.type]?.(event);
  return { ...log, isAlone };
}

/** Compares begins, ends and errors. Steps and tests of which Playwright told no end are ended by the reporter. */
function sameFacts(log, report, cut) {
  const closed = new Map();
  const ended = [];
  const found = log.facts.filter((fact) => {
    const key = `${fact.testId} ${fact.attempt}`;
    if (fact.what === 'test ends' && report.unended.has(key)) {
      assert.equal(fact.status, 'interrupted', `the end of ${key}, of which Playwright told none`);
      ended.push(key);
      return false;
    }
    if (fact.what !== 'step ends' || !report.open.get(key)?.has(fact.id)) return true;
    assert.ok(fact.durationMs >= 0, `the duration of a step that was closed: ${JSON.stringify(fact)}`);
    closed.set(key, [...(closed.get(key) ?? []), fact.id]);
    return false;
  });
  const wanted = log.isAlone ? report.facts : report.facts.filter(({ what }) => what !== 'error');
  let at = 0;
  for (; at < wanted.length; at += 1) {
    if (cut && (found[at] === undefined || (isClosing(found[at]) && !isSame(found[at], wanted[at])))) break;
    const before = at > 0 ? `, behind ${JSON.stringify(wanted[at - 1]).slice(0, 300)}` : '';
    assert.deepEqual(plain(found[at] ?? null), plain(wanted[at]), `fact ${at} of ${wanted.length}${before}`);
  }
  const more = found.slice(at).filter((fact) => !cut || !isClosing(fact));
  assert.deepEqual(plain(more), [], 'more than was told');
  if (!cut) assert.deepEqual(ended.sort(), [...report.unended].sort(), 'tests that were interrupted');
  for (const { what, testId, attempt } of wanted.slice(0, at)) {
    const key = `${testId} ${attempt}`;
    if (what === 'test ends')
      assert.deepEqual((closed.get(key) ?? []).sort(), [...report.open.get(key)].sort(), `open steps of ${key}`);
  }
  return { compared: at, missing: wanted.length - at };
}

function isSame(found, wanted) {
  return isDeepStrictEqual(plain(found), plain(wanted));
}

/** What is told of tests and steps that are open when the runner is killed. */
function isClosing({ what, status }) {
  return what === 'step ends' || (what === 'test ends' && status === 'interrupted');
}

function* outputs(report, log) {
  for (const key of new Set([...report.output.keys(), ...log.output.keys()])) {
    if (key.startsWith(' ') && !log.isAlone) continue;
    yield [key, { before: report.output.get(key) ?? '', text: log.output.get(key) ?? '' }];
  }
}

/** Compares the bytes of attachments with the artifacts that they became. */
async function sameBytes(url, run, log, report) {
  const artifacts = new Map();
  for (let cursor = ''; cursor !== undefined;) {
    const page = await (
      await fetch(`${url}/api/runs/${run}/artifacts?limit=1000${cursor && `&cursor=${cursor}`}`)
    ).json();
    for (const artifact of page.artifacts) artifacts.set(artifact.name, artifact);
    cursor = page.cursor ?? page.next ?? undefined;
  }
  for (const [key, attachments] of log.attachments) {
    for (const [index, { name, size, artifact: stored, contentType }] of attachments.entries()) {
      const told = report.contents.get(key)?.[index];
      if (told === undefined) continue;
      const what = `attachment ${index}, ${name}, of ${key}`;
      const artifact = artifacts.get(stored);
      assert.ok(artifact, `${what} was not uploaded`);
      assert.deepEqual(
        { size, sha256: artifact.sha256, contentType: artifact.contentType },
        { ...told, contentType },
        what,
      );
      const { downloadUrl, exact } = await (
        await fetch(`${url}/api/runs/${run}/artifacts/${artifact.artifactId}/download?encoding=identity`)
      ).json();
      const bytes = Buffer.from(await (await fetch(new URL(downloadUrl, url))).arrayBuffer());
      if (exact) assert.equal(createHash('sha256').update(bytes).digest('hex'), told.sha256, `${what}, downloaded`);
    }
  }
}

/** Without members that are undefined; durations in whole milliseconds. */
function plain(value) {
  return JSON.parse(JSON.stringify(value, (key, member) => (key === 'durationMs' ? Math.round(member) : member)));
}

function masked(report, mask) {
  const deep = (value) =>
    JSON.parse(JSON.stringify(value), (_, member) => (typeof member === 'string' ? mask(member) : member));
  const output = new Map([...report.output].map(([key, bytes]) => [key, mask(bytes.toString())]));
  return { ...report, facts: deep(report.facts), output };
}

module.exports = { compare };
