// The files of events that could not be posted.
const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { existsSync, readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { promisify } = require('node:util');

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

/** Runs the command that a run printed, in its directory, and so posts what it could not; `url`: to another address. */
async function postSpilled({ dir }, stderr, url) {
  const command = /runcast publish .*$/m.exec(stderr)?.[0].split(' ').slice(1);
  assert.ok(command, 'a command is printed');
  if (url !== undefined) command[command.indexOf('--url') + 1] = url;
  const BINARY = process.env.RUNCAST_BIN ?? join(__dirname, '../../../../target/debug/runcast');
  await promisify(execFile)(BINARY, command, { cwd: dir });
}

/** What a run printed, as it is with and without the reporter: no times, no paths of its own. */
function normalised(output) {
  return output
    .replace(/\x1b\[[0-9;]*[A-Za-z]/g, '')
    .replace(/\(?\b\d+(\.\d+)?(ms|s)\b\)?/g, '(time)')
    .replace(/^runcast: .*\n/gm, '')
    .replace(/\S*runcast-playwright-\w+/g, '(project)');
}

module.exports = { normalised, postSpilled, spilled };
