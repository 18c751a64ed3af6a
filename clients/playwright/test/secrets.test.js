// A run with secrets in all places where Playwright has them. None may leave the process.
const assert = require('node:assert/strict');
const { test } = require('node:test');

const { eventsOf, project } = require('./support/project.js');

const PASSWORD = 'Correct-Horse-7!';
const TYPED = 'typed "by" hand\\9';
const WRONG = 'Wrong-Battery-8?';
const FROM_ENV = 'env+secret/of-the-run=1';
const ATTACHED = 'report of '.concat(FROM_ENV);
const quoted = JSON.stringify;

const FILES = {
  'login.spec.js': `
    const { test, expect } = require('@playwright/test');
    const form = '<label>Password <input type="password"></label><label>Name <input></label>';
    const TOKEN = process.env.SHOP_TOKEN;

    test.beforeEach(({ page }) => page.setContent(form));

    test('logs in', async ({ page }) => {
      await page.getByLabel('Password').fill(${quoted(PASSWORD)});
      await expect(page.getByLabel('Password')).toHaveValue(${quoted(PASSWORD)});
      await page.getByLabel('Name').fill('Ann Smith');
      process.stdout.write('with ' + ${quoted(PASSWORD.slice(0, 7))});
      process.stdout.write(${quoted(PASSWORD.slice(7))} + ' as the password\\n');
      console.log(JSON.stringify({ url: 'https://a.test/?p=' + encodeURIComponent(${quoted(PASSWORD)}) }));
      console.error('env ' + TOKEN + ' ' + Buffer.from('ann:' + TOKEN).toString('base64'));
      await test.step('with ' + ${quoted(PASSWORD)}, async () => {});
      await page.goto('http://ann:' + encodeURIComponent(TOKEN) + '@127.0.0.1:1/').catch(() => {});
      const headers = { authorization: 'Bearer ' + TOKEN };
      await page.request.get('http://127.0.0.1:1/', { headers }).catch(() => {});
      test.info().annotations.push({ type: 'token', description: TOKEN });
      await test.info().attach(${quoted('report of ')} + TOKEN, { body: 'a report' });
    });

    test('types', async ({ page }) => {
      await page.getByLabel('Password').pressSequentially(${quoted(TYPED)});
      await page.getByLabel('Password').focus();
      await page.keyboard.type(${quoted(TYPED)});
      await page.evaluate((text) => { throw new Error('in the page: ' + text); }, ${quoted(TYPED)});
    });

    test('expects another password', async ({ page }) => {
      await page.getByLabel('Password').fill(${quoted(PASSWORD)});
      await expect.soft(page.getByLabel('Password')).toHaveValue(${quoted(WRONG)}, { timeout: 100 });
      expect(${quoted(PASSWORD)}).toBe(${quoted(WRONG)});
    });

    test('cannot fill', async ({ page }) => {
      await page.setContent('<input name="password" disabled>');
      await page.locator('[name=password]').fill(${quoted(PASSWORD)}, { timeout: 300 });
    });
  `,
};

/** How a secret may be written down. */
function forms(secret) {
  const json = quoted(secret).slice(1, -1);
  const base64 = Buffer.from(`ann:${secret}`).toString('base64').slice(8, -4);
  return [secret, json, quoted(json).slice(1, -1), encodeURIComponent(secret), base64];
}

/** All that the server knows of a run: events as JSON, in which strings are as they were. */
async function told(t, playwright, reporter) {
  const { server } = await import('../../js/test/support/runcast.js');
  const node = await server(t);
  const shop = project(t, { files: FILES, playwright, reporter, config: { workers: 1, retries: 0 } });
  const { code, stdout } = await shop.run({ env: { RUNCAST_URL: node.url, SHOP_TOKEN: FROM_ENV } });
  assert.equal(code, 1, stdout);
  const events = await eventsOf(node.url);
  const state = await (await fetch(`${node.url}/api/runs/r`)).text();
  const artifacts = await (await fetch(`${node.url}/api/runs/r/artifacts`)).text();
  // Colours may stand within a secret.
  return {
    events,
    text: [events.map((event) => quoted(event)).join('\n'), state, artifacts]
      .join('\n')
      .replace(/\\u001b\[[0-9;]*m/g, ''),
  };
}

for (const playwright of ['newest', 'oldest']) {
  test(`no secret leaves the process: Playwright's ${playwright}`, async (t) => {
    const { events, text } = await told(t, playwright, {});
    for (const secret of [PASSWORD, TYPED, WRONG, FROM_ENV]) {
      for (const form of forms(secret)) {
        const at = text.indexOf(form);
        assert.equal(at, -1, `${form}: ${text.slice(Math.max(0, at - 300), at + 100)}`);
      }
    }
    assert.ok(!text.includes(ATTACHED));
    assert.match(text, /with \*\*\* as the password/);
    // What is no secret stays.
    const statuses = events
      .filter(({ type, data }) => type === 'test_status' && data.outcome)
      .map(({ status }) => status);
    assert.deepEqual(statuses, ['passed', 'failed', 'failed', 'failed']);
    if (playwright === 'newest') assert.match(text, /Ann Smith/);
    assert.match(text, /getByLabel\('Password'\)/);
  });
}

test('with masking off all of them are there', async (t) => {
  const { text } = await told(t, 'newest', { mask: false });
  for (const secret of [PASSWORD, TYPED, WRONG, FROM_ENV])
    assert.ok(text.includes(quoted(secret).slice(1, -1)), secret);
});
