// Ordinary runs, once with the reporter and once without: the same output and exit code, and a log that has all of it.
const assert = require('node:assert/strict');
const { join } = require('node:path');
const { test } = require('node:test');

const { compare } = require('./support/compare.js');
const { CONFIG, FILES, normalised } = require('./support/ordinary.js');
const { project } = require('./support/project.js');

for (const playwright of ['newest', 'oldest']) {
  test(`everything that happens in a run is told: ${playwright} Playwright`, async (t) => {
    const { server } = await import('../../js/test/support/runcast.js');
    const node = await server(t);
    const { dir, run } = project(t, { files: FILES, config: CONFIG, playwright });
    const without = await run({ config: 'without' });
    const found = await run({ env: { RUNCAST_URL: node.url } });
    assert.equal(found.code, without.code);
    assert.deepEqual(normalised(found.stdout), normalised(without.stdout));
    assert.deepEqual(normalised(found.stderr), normalised(without.stderr));
    const { compared, events } = await compare({ url: node.url, report: join(dir, 'blob-report'), attachments: false });
    assert.ok(compared > 300, `${compared} facts`);
    require('node:fs').writeFileSync(`/tmp/p1x/${playwright}.events.json`, events.map((e) => JSON.stringify(e)).join('\n'));
  });
}
