// The files of events that could not be posted.
const { existsSync, readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

/** The spill files of a project: `{file, header, events}`. */
function spilled(dir) {
  const kept = join(dir, '.runcast');
  if (!existsSync(kept)) return [];
  return readdirSync(kept)
    .filter((name) => name.endsWith('.ndjson'))
    .map((name) => {
      const file = join(kept, name);
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
      const isHeader = (line) => line.runcast === 'spill';
      return { file, header: lines[0], events: lines.filter((line) => !isHeader(line)) };
    });
}

/** The command that a run printed to post them later, as arguments. */
function printedCommand(stderr) {
  const found = /runcast (publish \S+ \S+.*)$/m.exec(stderr);
  return found?.[1].trim().split(' ');
}

/** What a run printed, as it is with and without the reporter: no times, no paths of its own. */
function normalised(output) {
  return output
    .replace(/\x1b\[[0-9;]*[A-Za-z]/g, '')
    .replace(/\(?\b\d+(\.\d+)?(ms|s)\b\)?/g, '(time)')
    .replace(/^runcast: .*\n/gm, '');
}

module.exports = { normalised, printedCommand, spilled };
