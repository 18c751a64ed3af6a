// A reporter that tells when its own hooks are called, at the end of a run: what those before it in the list took.
const { writeFileSync } = require('node:fs');

module.exports = class Clock {
  #file;
  #times = {};

  constructor({ file }) {
    this.#file = file;
  }

  printsToStdio() {
    return false;
  }

  /** `onEnd`: milliseconds between the end of the run and the call. */
  onEnd({ startTime, duration }) {
    this.#times = { onEnd: Date.now() - startTime.getTime() - duration, at: performance.now() };
  }

  /** `onExit`: milliseconds since onEnd. */
  onExit() {
    const { onEnd, at } = this.#times;
    writeFileSync(this.#file, JSON.stringify({ onEnd, onExit: performance.now() - at }));
  }
};
