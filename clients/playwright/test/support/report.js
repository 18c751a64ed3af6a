// What Playwright told its reporters of a run: from a blob report, or from a file by witness.js. Both are lines of
// `{method, params}`, as Playwright's own reports over several processes are.
const { createHash } = require('node:crypto');
const { readFileSync, readdirSync, statSync } = require('node:fs');
const { join, relative } = require('node:path');

const { strFromU8, unzipSync } = require('fflate');

/** A stored attachment: its bytes or, of a file that was not kept, their digest. Undefined: the file was gone. */
function contentOf({ base64, path, size, sha256 }, files) {
  const bytes = base64 !== undefined ? Buffer.from(base64, 'base64') : path !== undefined ? files[path] : undefined;
  if (bytes) return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  return sha256 === undefined ? undefined : { size, sha256 };
}

/** The messages of a report: a zip file, a directory with one of them, or lines. */
function read(file) {
  const path = statSync(file).isDirectory()
    ? join(
        file,
        readdirSync(file).find((name) => name.endsWith('.zip')),
      )
    : file;
  const bytes = readFileSync(path);
  const files = path.endsWith('.zip') ? unzipSync(bytes) : {};
  const lines = (path.endsWith('.zip') ? strFromU8(files['report.jsonl']) : bytes.toString()).split('\n');
  return { files, messages: lines.filter((line) => line !== '').map((line) => JSON.parse(line)) };
}

/**
 * A run in the words of events. `facts`: what has to be told in this order, begins and ends of tests and steps, and
 * errors. `plan`: its tests. `output`: text by `testId attempt stream`, without a test by ` - stream`. By `testId
 * attempt`: `contents` of each attachment, and `open`, the ids of steps that never ended. `unended`: attempts that never did.
 * `end`: status and duration, undefined if the run was killed.
 */
function reportOf(file) {
  const { files, messages } = read(file);
  const report = {
    facts: [],
    plan: [],
    open: new Map(),
    unended: new Set(),
    output: new Map(),
    contents: new Map(),
    rootDir: '',
    version: '',
    end: undefined,
  };
  const attempts = new Map();
  const where = (location) => {
    if (!location) return undefined;
    const path = location.file.startsWith('/') ? relative(report.rootDir, location.file) : location.file;
    return `${path}:${location.line}:${location.column}`;
  };
  const error = (told) => told && { ...folded(told), location: where(told.location), snippet: told.snippet };
  const attached = (attempt, list) => {
    for (const attachment of list) {
      attempt.attachments.push({ name: attachment.name, contentType: attachment.contentType });
      attempt.contents.push(contentOf(attachment, files));
    }
  };
  const plan = (project, titles, entries) => {
    for (const entry of entries) {
      if (entry.entries) plan(project, entry.title ? [...titles, entry.title] : titles, entry.entries);
      else {
        const { testId, title, location, tags } = entry;
        const { file, line } = location;
        report.plan.push({ testId, title: [...titles, title], file, line, project, tags });
      }
    }
  };
  const take = {
    onConfigure: ({ config }) => Object.assign(report, { rootDir: config.rootDir, version: config.version }),
    onProject: ({ project }) => project.suites.forEach((suite) => plan(project.name, [], suite.entries)),
    onTestBegin({ testId, result }) {
      const { retry: attempt, workerIndex, parallelIndex: slot, startTime } = result;
      const data = { testId, attempt, steps: new Map(), open: new Set(), ends: [], attachments: [], contents: [] };
      attempts.set(result.id, data);
      report.contents.set(`${testId} ${attempt}`, data.contents);
      report.open.set(`${testId} ${attempt}`, data.open);
      report.unended.add(`${testId} ${attempt}`);
      report.facts.push({
        what: 'test begins',
        testId,
        attempt,
        workerIndex,
        slot: slot < 0 ? undefined : slot,
        startTime,
      });
    },
    onAttach: ({ resultId, attachments }) => attached(attempts.get(resultId), attachments),
    onStepBegin({ testId, resultId, step }) {
      const { attempt, steps, open } = attempts.get(resultId);
      const { title, subtitle, category, params, startTime } = step;
      steps.set(step.id, String(steps.size + 1));
      const ids = { id: steps.get(step.id), parent: steps.get(step.parentStepId) };
      open.add(ids.id);
      const location = where(step.location);
      report.facts.push({
        what: 'step begins',
        testId,
        attempt,
        ...ids,
        title,
        subtitle,
        category,
        location,
        params,
        startTime,
      });
    },
    onStepEnd({ testId, resultId, step }) {
      const { attempt, steps, open, ends, attachments } = attempts.get(resultId);
      const id = steps.get(step.id);
      open.delete(id);
      // Older versions tell of attachments when the test ends.
      const names = (step.attachments ?? []).map((index) => attachments[index]?.name ?? index);
      const fact = {
        what: 'step ends',
        testId,
        attempt,
        id,
        durationMs: step.duration,
        error: error(step.error),
        attachments: names,
      };
      report.facts.push(fact);
      ends.push(fact);
    },
    onTestEnd({ test, result }) {
      const { testId } = test;
      const data = attempts.get(result.id);
      report.unended.delete(`${testId} ${data.attempt}`);
      if (result.attachments) attached(data, result.attachments);
      for (const fact of data.ends)
        fact.attachments = fact.attachments.map((name) => data.attachments[name]?.name ?? name);
      report.facts.push({
        what: 'test ends',
        testId,
        attempt: data.attempt,
        status: result.status.toLowerCase(),
        expected: test.expectedStatus.toLowerCase(),
        durationMs: result.duration,
        errors: result.errors.map(error),
        annotations: (result.annotations ?? test.annotations).map(annotation),
        attachments: data.attachments,
      });
    },
    onError: ({ error: told }) => report.facts.push({ what: 'error', error: error(told) }),
    onStdIO({ testId, resultId, type, data, isBase64 }) {
      const key = testId ? `${testId} ${attempts.get(resultId).attempt} ${type}` : ` - ${type}`;
      const bytes = Buffer.from(data, isBase64 ? 'base64' : 'utf8');
      report.output.set(key, Buffer.concat([report.output.get(key) ?? Buffer.alloc(0), bytes]));
    },
    onEnd: ({ result }) => (report.end = { status: result.status, durationMs: result.duration }),
  };
  for (const { method, params } of messages) take[method]?.(params);
  return report;
}

const annotation = ({ type, description }) => ({ type, description });

/** An error's words, with those of its causes. */
function folded(error) {
  const message = error.message ?? error.value ?? '';
  const cause = error.cause && folded(error.cause);
  if (!cause) return { message, stack: error.stack };
  const of = (text) => `\n[cause]: ${text}`;
  return { message: message + of(cause.message), stack: error.stack && error.stack + of(cause.stack ?? cause.message) };
}

module.exports = { reportOf };
