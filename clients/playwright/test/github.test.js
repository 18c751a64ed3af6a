// What people see in GitHub Actions and GitLab.
const assert = require('node:assert/strict');
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');

const { githubApi } = require('./support/github.js');
const { load } = require('./support/module.js');
const { project } = require('./support/project.js');

const { annotations } = load('github.ts');
const { appendSummary, markdown } = load('github-summary.ts');

const support = import('../../js/test/support/runcast.js');
const server = async (t) => (await support).server(t);
const PAGE = 'https://runcast.example/runs/gh-1';
const SHA = 'c'.repeat(40);

const failed = (more = {}) => ({
  title: 'cart › pays', project: '', file: '/shop/e2e/cart.spec.ts', line: 3, error: 'no\n100%', errorFile: '/shop/e2e/page.ts', errorLine: 7, ...more,
});
const results = (more = {}) => ({ status: 'failed', passed: 2, skipped: 0, missing: 0, failed: [], flaky: [], errors: [], ...more });

test('annotations are escaped, at the place of the error, and at most ten of a kind', () => {
  const one = failed({ title: 'a: b, 5%', project: 'ff' });
  assert.deepEqual(annotations(results({ failed: [one], errors: ['load\nerror'] }), PAGE, '/shop'), [
    '::error title=Playwright::load%0Aerror',
    '::error file=e2e/page.ts,line=7,title=a%3A b%2C 5%25 [ff]::no%0A100%25',
  ]);
  const many = Array.from({ length: 25 }, () => failed());
  const lines = annotations(results({ failed: many, flaky: many.slice(0, 10) }), PAGE, '/shop');
  assert.equal(lines.filter((line) => line.startsWith('::error ')).length, 10);
  assert.equal(lines.filter((line) => line.startsWith('::warning ')).length, 10);
  assert.equal(lines[9], `::error title=16 more errors::${PAGE}`);
  assert.ok(lines.every((line) => !line.includes('\n')));
});

test('the summary counts, names the first failed tests, and keeps what is Markdown in them harmless', () => {
  const summary = { results: results({ failed: Array.from({ length: 30 }, () => failed({ title: 'a | <b> [c](d) @ada' })) }), page: PAGE, job: 'linux 1/4', rerun: 'npx playwright test', rootDir: '/shop/e2e' };
  const text = markdown(summary);
  assert.match(text, /### ❌ Playwright: linux 1\/4/);
  assert.match(text, /\| 2 \| 30 \| 0 \| 0 \| 0 \|/);
  assert.ok(text.includes(`(${PAGE})`) && text.includes('and 10 more failed tests') && text.includes('cart.spec.ts:3'));
  assert.ok(!/<b>|\[c\]|@ada/.test(text));
  assert.match(text, /```sh\nnpx playwright test\n```/);
  assert.match(markdown({ ...summary, results: results({ status: 'passed' }), rerun: undefined }), /✅/);
});

test('the summary is added to what is there, unless GitHub would refuse all of it', (t) => {
  const made = project(t, { files: {} });
  const file = join(made.dir, 'summary.md');
  const summary = { results: results(), page: PAGE, job: 'linux', rerun: undefined, rootDir: '/' };
  writeFileSync(file, 'before\n');
  appendSummary(file, summary);
  assert.match(readFileSync(file, 'utf8'), /^before\n### /);
  writeFileSync(file, 'x'.repeat(1024 * 1024 - 10));
  appendSummary(file, summary);
  assert.equal(readFileSync(file).length, 1024 * 1024 - 10);
  appendSummary(join(made.dir, 'no/such/file'), summary);
  appendSummary(undefined, summary);
});

const FILES = {
  'cart.spec.js': `const { test, expect } = require('@playwright/test');
test('passes', () => {});
test('fails', () => { expect(1).toBe(2); });
test('is flaky', ({}, info) => { expect(info.retry).toBe(1); });
test.skip('is skipped', () => {});
`,
  'good.spec.js': "const { test } = require('@playwright/test'); test('passes', () => {}); test('passes, too', () => {});",
};
const GITHUB = {
  CI: 'true', GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY_ID: '1', GITHUB_REPOSITORY: 'acme/shop', GITHUB_RUN_ID: '2', GITHUB_RUN_ATTEMPT: '1',
  GITHUB_SHA: SHA, GITHUB_REF_NAME: 'main', GITHUB_TOKEN: 'ghs_job', RUNCAST_RUN: '',
};

test('GitHub gets annotations, a summary and a status that leads to the run', async (t) => {
  const [node, github] = [await server(t), await githubApi(t)];
  const made = project(t, { files: FILES, config: { retries: 1, workers: 1 }, reporter: { url: node.url } });
  const GITHUB_STEP_SUMMARY = join(made.dir, 'summary.md');
  writeFileSync(GITHUB_STEP_SUMMARY, '');
  const env = { ...GITHUB, GITHUB_API_URL: github.url, GITHUB_STEP_SUMMARY, GITHUB_WORKSPACE: made.dir };
  const page = `${node.url}/runs/gh-1-2-1`;
  const { code, stdout, stderr } = await made.run({ env });
  assert.equal(code, 1, stdout);
  const lines = stderr.split('\n').filter((line) => line.startsWith('::'));
  assert.equal(lines.length, 2, stderr);
  assert.match(lines[0], /^::error file=tests\/cart\.spec\.js,line=3,title=fails::Error: expect\(received\)\.toBe\(expected\)[^\n]*%0A/);
  assert.match(lines[1], /^::warning file=tests\/cart\.spec\.js,line=4,title=is flaky::/);
  assert.ok(!stdout.includes('::error'), 'standard output is not ours');
  const summary = readFileSync(GITHUB_STEP_SUMMARY, 'utf8');
  assert.ok(summary.includes(`[Watch the run](${page})`) && summary.includes('| 3 | 1 | 1 | 1 | 0 |'), summary);
  const status = { path: `/repos/acme/shop/statuses/${SHA}`, token: 'Bearer ghs_job', context: 'runcast', target_url: page };
  assert.deepEqual(github.posts, [
    { ...status, state: 'pending', description: 'the tests run' },
    { ...status, state: 'failure', description: '1 failed, 1 flaky, 3 passed (linux)' },
  ]);
  assert.equal((await node.json('/api/runs/gh-1-2-1')).meta.project, 'acme/shop');
});

test('with several shards the last one sets the status, to what the run is; github and false leave things out', async (t) => {
  const [node, github] = [await server(t), await githubApi(t)];
  const made = project(t, { files: FILES, config: { workers: 1 }, reporter: { url: node.url } });
  const env = { ...GITHUB, GITHUB_API_URL: github.url };
  const good = ['good', '--shard'];
  const first = await made.run({ env, args: [...good, '1/2'] });
  assert.equal(first.code, 0, first.stdout);
  assert.deepEqual(github.posts.map(({ state }) => state), ['pending'], 'the other shard is not through');
  await made.run({ env, args: [...good, '2/2'] });
  assert.deepEqual(github.posts.map(({ state }) => state), ['pending', 'pending', 'success']);

  github.posts.length = 0;
  writeFileSync(join(made.dir, 'github.config.js'), readFileSync(join(made.dir, 'with.config.js'), 'utf8').replace('["line"', '["github"],["line"'));
  const own = await made.run({ env: { ...env, GITHUB_RUN_ID: '3' }, args: ['-c', 'github.config.js'] });
  assert.ok(own.stdout.includes('::error') && !own.stderr.includes('::'), "Playwright's own reporter has done it");
  assert.deepEqual(github.posts.map(({ state }) => state), ['pending', 'failure']);

  github.posts.length = 0;
  writeFileSync(join(made.dir, 'off.config.js'), readFileSync(join(made.dir, 'with.config.js'), 'utf8').replace('{"url"', '{"github":false,"url"'));
  const off = await made.run({ env: { ...env, GITHUB_RUN_ID: '4' }, args: ['-c', 'off.config.js'] });
  assert.ok(off.code === 1 && !off.stderr.includes('::'));
  assert.deepEqual(github.posts, []);
});

test('a job that may write no status says so in one line, that of a fork does not try, and a slow GitHub costs 5 s', async (t) => {
  const [node, forbidding, hanging] = [await server(t), await githubApi(t, 403), await githubApi(t, 0)];
  const made = project(t, { files: FILES, reporter: { url: node.url } });
  const run = (github, more = {}) => made.run({ env: { ...GITHUB, GITHUB_API_URL: github.url, ...more }, args: ['good'] });
  const refused = await run(forbidding);
  assert.equal(refused.code, 0);
  assert.deepEqual(refused.stderr.split('\n').slice(1), [
    'runcast: GitHub has not taken the commit status: 403, the job needs `permissions: statuses: write`; github: false turns it off', '',
  ]);
  const GITHUB_EVENT_PATH = join(made.dir, 'event.json');
  const from = (full_name) => ({ sha: SHA, repo: { full_name } });
  writeFileSync(GITHUB_EVENT_PATH, JSON.stringify({ pull_request: { head: from('ada/shop'), base: from('acme/shop') } }));
  forbidding.posts.length = 0;
  const fork = await run(forbidding, { GITHUB_EVENT_PATH, GITHUB_RUN_ID: '5' });
  assert.deepEqual([fork.code, fork.stderr.split('\n').length, forbidding.posts], [0, 2, []]);
  const began = Date.now();
  const slow = await run(hanging, { GITHUB_RUN_ID: '6' });
  assert.equal(slow.code, 0);
  assert.ok(Date.now() - began < 15_000, 'it goes on without GitHub');
  assert.match(slow.stderr, /GitHub has not taken the commit status/);
});

test('GitLab gets a report that puts the link on the page of the job', async (t) => {
  const node = await server(t);
  const made = project(t, { files: FILES, reporter: { url: node.url } });
  const CI_PROJECT_DIR = join(made.dir, 'checkout');
  mkdirSync(CI_PROJECT_DIR);
  const env = { CI: 'true', GITLAB_CI: 'true', CI_PROJECT_ID: '7', CI_PIPELINE_ID: '9', CI_PROJECT_DIR, RUNCAST_RUN: '' };
  const { code, stderr } = await made.run({ env, args: ['good'] });
  assert.deepEqual([code, stderr.split('\n').length], [0, 2]);
  const report = JSON.parse(readFileSync(join(CI_PROJECT_DIR, '.runcast/annotations.json'), 'utf8'));
  assert.deepEqual(report, { runcast: [{ external_link: { label: 'Watch the tests live', url: `${node.url}/runs/gl-7-9` } }] });
  assert.equal(readFileSync(join(CI_PROJECT_DIR, '.runcast/.gitignore'), 'utf8'), '*\n');
});
