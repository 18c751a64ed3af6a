// Where credentials are needed: what one may not do is not offered, and links are made, listed and taken back.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { join } from 'node:path';

import { findings } from '../../tests/browser/support/axe.js';
import { eventually, Stage } from './support/stage.js';

const LIMIT = { timeout: 120_000 };
const PHONE = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true };

process.env.RUNCAST__AUTH__MODE = 'token';
let stage;
let first;
before(async () => {
  stage = await Stage.start();
  first = readFileSync(join(stage.data, 'data', 'admin.key'), 'utf8').trim();
  for (const run of ['asked', 'plain']) await post(run, { type: 'worker', state: 'joined' }, { type: 'run_status', status: 'running' });
  const candidates = [{ id: 'one', label: 'First page' }, { id: 'two', label: 'Last page' }];
  await post('asked', { type: 'ai_stuck', askId: 'q', needs: 'click', message: 'Which one?', candidates, expiresInSecs: 600 });
});
after(() => stage?.stop());

async function ask(path, body, key = first, method = body === undefined ? 'GET' : 'POST') {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const answer = await fetch(new URL(path, stage.api), { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? {} : answer.json();
}

const posted = {};
async function post(run, ...events) {
  for (const event of events) {
    posted[run] = (posted[run] ?? 0) + 1;
    const headers = {
      authorization: `Bearer ${first}`, 'content-type': 'application/json',
      'runcast-producer': 'worker-1-of-the-test', 'runcast-producer-seq': String(posted[run]),
    };
    const answer = await fetch(`${stage.api}/${run}/events`, { method: 'POST', headers, body: JSON.stringify(event) });
    assert.equal(answer.status, 202, await answer.text());
  }
}

/** A tab of somebody with a new key of these scopes, and what it has asked the server for. */
async function tabOf(scopes, path, options = {}) {
  const { key, credential } = await ask('/api/keys', { name: `${scopes}`, scopes, days: 1, holder: 'human' });
  const tab = await stage.tab('/favicon.svg', options);
  const signedIn = await tab.context().request.post(`${stage.url}/api/session`, { data: { key } });
  assert.equal(signedIn.status(), 204);
  const asked = [];
  tab.on('request', (request) => asked.push(new URL(request.url()).pathname + new URL(request.url()).search));
  await tab.goto(stage.url + path);
  return Object.assign(tab, { asked, credential });
}

const button = (tab, name) => tab.getByRole('button', { name, exact: true });
const onFront = (url) => stage.url + new URL(url).pathname;

test('who may only watch sees a question and cannot answer it, and no button or key steers', LIMIT, async () => {
  const tab = await tabOf(['view'], '/runs/asked');
  await tab.getByRole('heading', { name: 'Which one?' }).waitFor();
  await tab.getByText('You may watch this run, not steer it.').waitFor();
  await tab.getByRole('radio', { name: /First page/ }).waitFor();
  assert.equal(await tab.getByRole('radio', { name: /First page/ }).isDisabled(), true);
  for (const key of ['1', 'Enter', 'p', 't', 'n']) await tab.keyboard.press(key);
  await tab.keyboard.press('?');
  const keys = tab.getByRole('dialog', { name: 'Keys and settings' });
  await keys.waitFor();
  assert.doesNotMatch(await keys.textContent(), /pause|answer|take control/);
  const names = await tab.getByRole('button').allTextContents();
  assert.deepEqual(names.filter((name) => /Send|Take|Give|min more|Pause|Share|Cancel/.test(name)), []);
  await button(tab, 'Link').waitFor();
  assert.ok(!tab.asked.some((url) => url.includes('details=1')), 'who else watches is not asked for');
  assert.deepEqual((await ask('/api/runs/asked')).commands, []);
  await tab.goto(`${stage.url}/runs/plain`);
  await tab.getByText('You may watch this run, not steer it.').waitFor();
  assert.equal(await button(tab, 'Pause').count(), 0);
  await button(tab, 'Commands').click();
  await tab.getByText('Nobody has steered this run yet.').waitFor();
});

test('pages for operators are not led to, and refuse others clearly', LIMIT, async () => {
  const tab = await tabOf(['view'], '/');
  await tab.getByRole('row', { name: /plain/ }).waitFor();
  await eventually('the link goes', async () => (await tab.getByRole('link', { name: 'Ops' }).count()) === 0);
  await tab.goto(`${stage.url}/ops`);
  await tab.getByRole('heading', { name: 'You may not operate this server.' }).waitFor();
  assert.ok(!tab.asked.includes('/api/actors'), 'what is refused is not asked for');
  const operator = await tabOf(['ops', 'view'], '/ops');
  await operator.getByRole('heading', { name: 'Actors' }).first().waitFor();
});

test('who may steer does so by the name of the key, without being asked for one', LIMIT, async () => {
  const tab = await tabOf(['view', 'control'], '/runs/plain');
  await button(tab, 'Take control').click();
  await tab.locator('.lease').filter({ hasText: 'You have control' }).waitFor();
  await button(tab, 'Give back').click();
  await button(tab, 'Take control').waitFor();
});

test('a link is made, shown once, followed, listed and revoked', LIMIT, async () => {
  const tab = await tabOf(['view', 'control'], '/runs/plain');
  await button(tab, 'Share').click();
  const dialog = tab.getByRole('dialog', { name: 'Share this run' });
  await dialog.getByText('No links yet.').waitFor();
  await tab.keyboard.press('w');
  assert.equal(new URL(tab.url()).search, '', 'the keys of the page rest');
  for (let at = 0; at < 20; at += 1) {
    await tab.keyboard.press('Tab');
    const isInside = await tab.evaluate(() => document.activeElement === document.body || document.activeElement.closest('dialog') !== null);
    assert.ok(isInside, 'focus stays in the dialog');
  }
  await dialog.getByRole('textbox', { name: /^Days/ }).fill('0');
  assert.equal(await button(dialog, 'Make link').isDisabled(), true);
  await dialog.getByRole('textbox', { name: /^Days/ }).fill('3');
  await dialog.getByRole('textbox', { name: /^For whom/ }).fill('Bob of sales');
  await button(dialog, 'Make link').click();
  const url = await dialog.getByRole('textbox', { name: 'The new link' }).inputValue();
  assert.match(url, /\/s\/rcast_\w+$/);
  const row = dialog.getByRole('listitem').filter({ hasText: 'Bob of sales' });
  assert.match(await row.textContent(), /watch · until .* · not used yet · made by you/);
  for (const [colorScheme, rules] of [['light', null], ['dark', ['color-contrast']]]) {
    await tab.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    assert.deepEqual(await findings(tab, rules), [], colorScheme);
  }

  const guest = await stage.tab(new URL(url).pathname);
  await guest.getByText(/You watch by a share link, until \w+ \d+, \d\d:\d\d\./).first().waitFor();
  assert.equal(new URL(guest.url()).pathname, '/runs/plain');
  for (const name of ['Share', 'Link', 'Pause']) assert.equal(await button(guest, name).count(), 0, name);
  assert.equal(await guest.getByRole('link', { name: 'Runs' }).count(), 0);

  await tab.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await tab.evaluate(() => document.activeElement.textContent), 'Share');
  await button(tab, 'Share').click();
  await row.waitFor();
  assert.equal(await dialog.getByRole('textbox', { name: 'The new link' }).count(), 0);
  await button(row, 'Revoke Bob of sales').click();
  await row.getByText('Sure?').click();
  await dialog.getByText('No links yet.').waitFor();
  await guest.getByText('You are not signed in, or no longer.').first().waitFor();
});

test('links that are made and taken back while the list is on its way stand as they are then', LIMIT, async () => {
  const kept = await ask('/api/runs/plain/shares', { name: 'kept' });
  const tab = await tabOf(['view', 'control'], '/runs/plain');
  let goOn;
  const held = new Promise((resolve) => (goOn = resolve));
  await tab.route('**/api/runs/plain/shares?*', async (route) => {
    await held;
    await route.continue();
  });
  await button(tab, 'Share').click();
  const dialog = tab.getByRole('dialog', { name: 'Share this run' });
  await dialog.getByText('Loading…').waitFor();
  const item = (name) => dialog.getByRole('listitem').filter({ hasText: name });
  for (const name of ['first', 'second']) {
    await dialog.getByRole('textbox', { name: /^For whom/ }).fill(name);
    await button(dialog, 'Make link').click();
    await item(name).waitFor();
  }
  await button(dialog, 'Revoke first').click();
  await dialog.getByText('Sure?').click();
  await item('first').waitFor({ state: 'detached' });
  goOn();
  await item('kept').waitFor();
  assert.deepEqual(await dialog.getByRole('listitem').locator('strong').allTextContents(), ['second', 'kept']);
  // A press that begins within, and ends on the backdrop, selects text.
  const box = await dialog.getByRole('heading', { name: 'Share this run' }).boundingBox();
  await tab.mouse.move(box.x + 5, box.y + 5);
  await tab.mouse.down();
  await tab.mouse.move(5, 5);
  await tab.mouse.up();
  assert.equal(await dialog.isVisible(), true);
  await tab.mouse.click(5, 5);
  await dialog.waitFor({ state: 'hidden' });
  await ask(`/api/runs/plain/shares/${kept.share.id}`, undefined, first, 'DELETE');
});

test('whoever may share finds the command that runs failed tests again in the dialog', LIMIT, async () => {
  await post('red', { type: 'test_status', testId: 't', testName: 'pay', status: 'failed', data: { file: 'pay.spec.ts', line: 3 } });
  const tab = await tabOf(['view', 'control'], '/runs/red');
  await button(tab, 'Share').click();
  await tab.getByRole('dialog', { name: 'Share this run' }).getByRole('heading', { name: /failed test/ }).waitFor();
});

test('whoever may no more watch is not told that they may', LIMIT, async () => {
  const tab = await tabOf(['view'], '/runs/plain');
  const words = tab.getByText('You may watch this run, not steer it.');
  await words.waitFor();
  await ask(`/api/keys/${tab.credential.id}`, undefined, first, 'DELETE');
  await tab.getByText('You are not signed in, or no longer.').first().waitFor();
  await words.waitFor({ state: 'detached' });
  await button(tab, 'Commands').waitFor();
});

test('who looks at a question too is told, but not oneself', LIMIT, async () => {
  const tab = await tabOf(['view', 'control'], '/runs/asked');
  const other = await tabOf(['view', 'control', 'publish'], '/runs/asked');
  await tab.getByText('view,control,publish is looking too').waitFor();
  await other.getByText('view,control is looking too').waitFor();
});

test('an operator who is signed out is shown how to sign in, not empty tables', LIMIT, async () => {
  const tab = await tabOf(['ops', 'view'], '/ops');
  await tab.getByRole('heading', { name: 'Actors' }).first().waitFor();
  await ask(`/api/keys/${tab.credential.id}`, undefined, first, 'DELETE');
  await tab.getByRole('heading', { name: 'Sign in to see how the server is.' }).waitFor();
  await tab.getByText('You need the scope ops.').waitFor();
  assert.equal(await tab.getByRole('heading', { name: 'Actors' }).count(), 0);
});

test('a guest who is asked to let a command line in signs in first', LIMIT, async () => {
  const tab = await stage.tab('/favicon.svg');
  let me = { mode: 'token', name: 'the manager', isGuest: true, signIn: null };
  await tab.route('**/api/login?*', (route) => route.fulfill({ json: { label: 'a laptop', code: 'ABCD', state: 'waiting' } }));
  await tab.route('**/api/me', (route) => route.fulfill({ json: me }));
  await tab.goto(`${stage.url}/auth/device?request=x`);
  await tab.getByText('Sign in first.').waitFor();
  assert.equal(await tab.getByRole('button', { name: /let it in/ }).count(), 0);
  me = { ...me, isGuest: false };
  await tab.reload();
  await tab.getByText(/until your session here would have ended, or until you type runcast logout: you are the manager\./).waitFor();
});

test('a guest who may steer is offered that, and no links to give away', LIMIT, async () => {
  const { url } = await ask('/api/runs/asked/shares', { control: true });
  const guest = await stage.tab(new URL(onFront(url)).pathname, PHONE);
  await guest.getByRole('button', { name: /^Steer/ }).click();
  await guest.getByRole('button', { name: /^Send|Choose an answer/ }).waitFor();
  assert.equal(await guest.getByRole('button', { name: 'Share' }).count(), 0);
  await guest.getByRole('radio', { name: /Last page/ }).click();
  await button(guest, 'Send “Last page” and resume').click();
  await guest.getByText('You answered').waitFor();
});

test('on a phone the dialog fits, and all its buttons have their words', LIMIT, async () => {
  const tab = await tabOf(['view', 'control'], '/runs/plain', PHONE);
  await button(tab, 'Share').click();
  await button(tab, 'Make link').click();
  await tab.getByRole('textbox', { name: 'The new link' }).waitFor();
  const { x, width } = await tab.getByRole('dialog', { name: 'Share this run' }).boundingBox();
  assert.ok(x >= 0 && x + width <= 390, `${x} ${width}`);
  for (const name of ['Make link', 'Copy']) {
    const box = await tab.locator('dialog').getByText(name, { exact: true }).first().boundingBox();
    assert.ok(box.width > 30 && box.x + box.width <= 390, `${name}: ${JSON.stringify(box)}`);
  }
  assert.deepEqual(await findings(tab, null), []);
});

test('no script failed, and the policy refused nothing', () => {
  assert.deepEqual(stage.faults, []);
});
