const assert = require('node:assert/strict');
const { test } = require('node:test');

const { eventsOf, project } = require('./support/project.js');

test('a run is told from its beginning to its end', async (t) => {
  const { server } = await import('../../js/test/support/runcast.js');
  const node = await server(t);
  const files = { 'a.spec.js': `
    const { test, expect } = require('@playwright/test');
    test('passes', async ({ page }) => { await page.setContent('<p>a</p>'); await expect(page.locator('p')).toHaveText('a'); });
  ` };
  const { code, stdout } = await project(t, { files }).run({ env: { RUNCAST_URL: node.url } });
  assert.equal(code, 0, stdout);
  const events = await eventsOf(node.url);
  const statuses = events.filter(({ type }) => type === 'run_status').map(({ status }) => status);
  assert.deepEqual(statuses, ['queued', 'running', 'passed']);
});
