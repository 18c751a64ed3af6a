// Runs one of the projects once and prints what it took, as JSON: `node bench/run.js PROJECT [URL]`. PROJECT:
// `plain:TESTS:STEPS` or `browser:TESTS`. URL: the server that our reporter posts to, as run `bench`; without it
// Playwright runs alone.
const { performance } = require('node:perf_hooks');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const { project } = require('../test/support/project.js');
const { browser, metered, plain } = require('./projects.js');

async function main() {
  const [kind, ...numbers] = process.argv[2].split(':');
  const [tests, steps] = numbers.map(Number);
  const url = process.argv[3];
  const files = kind === 'plain' ? plain({ tests, steps }) : browser({ tests });
  const ends = [];
  const made = project({ after: (end) => ends.push(end) }, { files, config: metered('meter.json') });
  try {
    const began = performance.now();
    const env = url === undefined ? {} : { RUNCAST_URL: url, RUNCAST_RUN: 'bench' };
    const { code, stdout, stderr } = await made.run({ env });
    const wallMs = performance.now() - began;
    if (code !== 0) throw new Error(`the tests ended with ${code}:\n${stdout}${stderr}`);
    const meter = JSON.parse(readFileSync(join(made.dir, 'meter.json'), 'utf8'));
    console.log(JSON.stringify({ wallMs, ...meter }));
  } finally {
    for (const end of ends) end();
  }
}

void main();
