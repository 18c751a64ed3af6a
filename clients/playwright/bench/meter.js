// A reporter that hands everything on to ours, or to nothing, and measures what that costs the runner.
const { performance } = require('node:perf_hooks');
const { writeFileSync } = require('node:fs');
const v8 = require('node:v8');
const { runInNewContext } = require('node:vm');

const HOOKS = [
  'onBegin', 'onTestBegin', 'onStepBegin', 'onStepEnd', 'onStdOut', 'onStdErr', 'onTestEnd', 'onError',
  'onEnd', 'onExit',
];
/** These may wait: nothing runs any more. */
const MAY_WAIT = new Set(['onEnd', 'onExit']);

/**
 * What is in use once the garbage is gone, in bytes. `resident` is what the system has given, without the part of the
 * heap that is free: how much of that V8 keeps for later depends on when it collected last, and `rss` has it.
 */
function memory() {
  v8.setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  // The second one takes what the first one's finalizers have let go.
  collect();
  collect();
  const { heapTotal, heapUsed, external, rss } = process.memoryUsage();
  return { used: heapUsed + external, resident: rss - (heapTotal - heapUsed), rss };
}

/** Options: those of ours, and `out`: the file for what is measured. Without RUNCAST_URL that is Playwright alone. */
module.exports = class Meter {
  #reporter;
  #out;
  #calls = {};
  /** Hooks that returned something, which Playwright might wait for. */
  #returned = {};
  /** Milliseconds of each call, by hook. */
  #took = Object.fromEntries(HOOKS.map((hook) => [hook, []]));

  constructor({ out, ...options }) {
    this.#out = out;
    if (process.env.RUNCAST_URL) {
      const Reporter = require('@runcast/playwright');
      this.#reporter = new Reporter(options);
    }
    for (const hook of HOOKS) this[hook] = (...args) => this.#call(hook, args);
  }

  /** Nothing else is to draw on the terminal, which would cost more than ours. */
  printsToStdio() {
    return true;
  }

  #call(hook, args) {
    const began = performance.now();
    const returned = this.#reporter?.[hook]?.(...args);
    this.#took[hook].push(performance.now() - began);
    this.#calls[hook] = (this.#calls[hook] ?? 0) + 1;
    if (returned !== undefined && !MAY_WAIT.has(hook)) this.#returned[hook] = (this.#returned[hook] ?? 0) + 1;
    return hook === 'onExit' ? this.#finish(returned) : returned;
  }

  async #finish(ended) {
    const { user, system } = process.cpuUsage();
    const began = performance.now();
    await ended;
    const exitMs = performance.now() - began;
    const took = HOOKS.filter((hook) => !MAY_WAIT.has(hook)).flatMap((hook) => this.#took[hook]).sort((a, b) => a - b);
    const at = (share) => took[Math.min(took.length - 1, Math.floor(took.length * share))];
    const hooks = { ms: took.reduce((sum, ms) => sum + ms, 0), p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
    // The measurements themselves are no part of what is measured.
    this.#took = undefined;
    took.length = 0;
    const cpuMs = (user + system) / 1000;
    const measured = { calls: this.#calls, returned: this.#returned, hooks, cpuMs, exitMs, ...memory() };
    writeFileSync(this.#out, JSON.stringify(measured));
  }
};
