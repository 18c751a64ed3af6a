// Writes what a run says in the words of runcast into a file, as the posts of one producer: what the recording beside this
// was made with, and no reporter to use.
const fs = require('node:fs');
const path = require('node:path');

const FLUSH_MS = 250;
const HOOKS_LATE_MS = 400; // so late are the steps told of with which a worker ends

class Recorder {
  constructor() {
    this.file = process.env.RECORD_TO;
    this.producer = process.env.RUNCAST_PRODUCER;
    this.variant = process.env.RUNCAST_VARIANT;
    this.events = [];
    this.steps = new Map();
    this.ids = new Map(); // of attempts: how many steps they have
    this.late = [];
    this.next = 1;
    this.timer = setInterval(() => this.flush(), FLUSH_MS);
  }

  printsToStdio() { return false; }

  say(type, members) { this.events.push({ type, timestamp: new Date().toISOString(), ...members }); }

  flush() {
    if (!this.events.length) return;
    const post = { at: Date.now(), producer: this.producer, first: this.next, events: this.events };
    this.next += this.events.length;
    this.events = [];
    fs.appendFileSync(this.file, JSON.stringify(post) + '\n');
  }

  where(location) {
    if (!location) return undefined;
    return `${path.relative(this.root, location.file)}:${location.line}:${location.column}`;
  }

  error(error) {
    const message = (error.message ?? error.value ?? '').replaceAll(this.root, '.');
    return { message, location: this.where(error.location), snippet: error.snippet };
  }

  onBegin(config, suite) {
    this.root = config.rootDir;
    const tests = suite.allTests();
    const shard = config.shard ?? undefined;
    this.say('worker', { state: 'joined', can: ['cancel'], slots: config.workers, variant: this.variant, shard });
    const meta = { project: 'shop', number: 12, title: 'Nightly', branch: 'main', commit: '4f2c1d9', author: 'Ada',
      ciUrl: 'https://ci.example.com/runs/12', labels: ['nightly', 'matrix'] };
    this.say('run_status', { status: 'running', data: { total: tests.length, workers: config.workers, meta } });
    const planned = tests.map((test) => ({
      testId: test.id, title: test.titlePath().slice(3), file: path.relative(this.root, test.location.file),
      line: test.location.line, project: test.parent.project().name, tags: test.tags,
    }));
    for (let from = 0; from < planned.length; from += 4) {
      this.say('test_plan', { variant: this.variant, tests: planned.slice(from, from + 4) });
    }
    this.flush();
  }

  onTestBegin(test, result) {
    const { retry: attempt, workerIndex, parallelIndex: slot } = result;
    this.say('test_status', { testId: test.id, status: 'running',
      data: { title: test.titlePath().slice(3), attempt, workerIndex, slot, expected: test.expectedStatus.toLowerCase() } });
  }

  step(phase, test, result, step) {
    const key = `${test.id} ${result.retry}`;
    if (!this.steps.has(step)) {
      const number = (this.ids.get(key) ?? 0) + 1;
      this.ids.set(key, number);
      this.steps.set(step, number);
    }
    const number = this.steps.get(step);
    const parent = step.parent && this.steps.get(step.parent);
    const told = { stepNumber: number, id: `s${number}`, parent: parent && `s${parent}`, attempt: result.retry, phase,
      title: step.title, subtitle: step.subtitle, category: step.category, location: this.where(step.location) };
    if (phase === 'end') told.durationMs = step.duration;
    if (phase === 'end' && step.error) told.error = this.error(step.error);
    return { variant: this.variant, testId: test.id, step: told };
  }

  isLate(step) {
    for (let at = step; at; at = at.parent) if (at.title === 'Worker Cleanup') return true;
    return false;
  }

  tell(phase, test, result, step) {
    const members = this.step(phase, test, result, step);
    if (!this.isLate(step)) return this.say('test_step', members);
    this.late.push(new Promise((resolve) => setTimeout(() => { this.say('test_step', members); resolve(); }, HOOKS_LATE_MS)));
  }

  onStepBegin(test, result, step) { this.tell('begin', test, result, step); }

  onStepEnd(test, result, step) { this.tell('end', test, result, step); }

  onStdOut(chunk, test, result) {
    this.say('log', { variant: this.variant, testId: test?.id, attempt: result?.retry, stream: 'stdout', text: String(chunk) });
  }

  onTestEnd(test, result) {
    const annotations = result.annotations.map(({ type, description }) => ({ type, description }));
    this.say('test_status', { testId: test.id, status: result.status.toLowerCase(), data: {
      title: test.titlePath().slice(3), attempt: result.retry, workerIndex: result.workerIndex, slot: result.parallelIndex,
      expected: test.expectedStatus.toLowerCase(), outcome: test.outcome(), durationMs: result.duration,
      errors: result.errors.map((error) => this.error(error)), annotations } });
  }

  async onEnd(result) {
    await Promise.all(this.late);
    this.say('run_status', { status: result.status, data: { durationMs: Math.round(result.duration) } });
    clearInterval(this.timer);
    this.flush();
  }
}

module.exports = Recorder;
