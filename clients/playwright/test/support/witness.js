// A reporter that writes down each hook before it returns, in the words of a blob report: for runs that are killed, of
// which there is no blob. `[require.resolve('./support/witness.js'), { file }]`; reportOf(file) reads it.
const { createHash, randomUUID } = require('node:crypto');
const { openSync, readFileSync, statSync, writeSync } = require('node:fs');
const { relative } = require('node:path');

module.exports = class Witness {
  #fd;
  #ids = new WeakMap();
  #attached = new WeakMap();
  #rootDir = '';
  #isOver = false;

  constructor({ file }) {
    this.#fd = openSync(file, 'w');
  }

  printsToStdio() {
    return false;
  }

  onBegin(config, suite) {
    this.#rootDir = config.rootDir;
    this.#write('onConfigure', {
      config: { rootDir: config.rootDir, version: config.version, workers: config.workers },
    });
    const entries = (parent) =>
      parent
        .entries()
        .map((entry) =>
          entry.type === 'test'
            ? { testId: entry.id, title: entry.title, location: this.#place(entry.location), tags: entry.tags }
            : { title: entry.title, entries: entries(entry) },
        );
    for (const project of suite.suites) {
      const suites = project.suites.map((file) => ({ title: file.title, entries: entries(file) }));
      this.#write('onProject', { project: { name: project.project().name, suites } });
    }
    this.#write('onBegin');
  }

  onTestBegin(test, result) {
    const { retry, workerIndex, parallelIndex, startTime } = result;
    this.#write('onTestBegin', {
      testId: test.id,
      result: { id: this.#id(result), retry, workerIndex, parallelIndex, startTime: +startTime },
    });
  }

  onStepBegin(test, result, step) {
    const { title, subtitle, category, params, startTime } = step;
    const location = step.location && this.#place(step.location);
    this.#write('onStepBegin', {
      testId: test.id,
      resultId: this.#id(result),
      step: {
        id: this.#id(step),
        parentStepId: step.parent && this.#id(step.parent),
        title,
        subtitle,
        category,
        params,
        location,
        startTime: +startTime,
      },
    });
  }

  onStepEnd(test, result, step) {
    this.#attachments(test, result);
    const attachments = step.attachments.map((attachment) => result.attachments.indexOf(attachment));
    const { duration, error } = step;
    this.#write('onStepEnd', {
      testId: test.id,
      resultId: this.#id(result),
      step: { id: this.#id(step), duration, error, attachments },
    });
  }

  onTestEnd(test, result) {
    this.#attachments(test, result);
    const { duration, status, errors, annotations } = result;
    this.#write('onTestEnd', {
      test: { testId: test.id, expectedStatus: test.expectedStatus, annotations: test.annotations },
      result: { id: this.#id(result), duration, status, errors, annotations },
    });
  }

  onStdOut(chunk, test, result) {
    this.#output('stdout', chunk, test, result);
  }

  onStdErr(chunk, test, result) {
    this.#output('stderr', chunk, test, result);
  }

  onError(error) {
    this.#write('onError', { error });
  }

  onEnd({ status, duration }) {
    this.#write('onEnd', { result: { status, duration } });
    // Behind a global timeout tests still end: nobody reports it.
    this.#isOver = true;
  }

  #output(type, chunk, test, result) {
    const data = Buffer.from(chunk).toString('base64');
    this.#write('onStdIO', { testId: test?.id, resultId: result && this.#id(result), type, data, isBase64: true });
  }

  /** Those that have come since. Files are read at once: they may be gone soon. */
  #attachments(test, result) {
    const known = this.#attached.get(result) ?? 0;
    if (result.attachments.length === known) return;
    this.#attached.set(result, result.attachments.length);
    const attachments = result.attachments.slice(known).map(({ name, contentType, path, body }) => {
      let bytes = body;
      try {
        // A pipe would wait for somebody to write into it.
        bytes ??= statSync(path).isFile() ? readFileSync(path) : undefined;
        if (bytes === undefined) return { name, contentType };
      } catch {
        return { name, contentType };
      }
      return { name, contentType, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    });
    this.#write('onAttach', { testId: test.id, resultId: this.#id(result), attachments });
  }

  #place({ file, line, column }) {
    return { file: relative(this.#rootDir, file), line, column };
  }

  #id(object) {
    if (!this.#ids.has(object)) this.#ids.set(object, randomUUID());
    return this.#ids.get(object);
  }

  #write(method, params) {
    if (this.#isOver) return;
    writeSync(this.#fd, `${JSON.stringify({ method, params })}\n`);
  }
};
