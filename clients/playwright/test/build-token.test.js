// A job that has no secret of the server's: the reporter exchanges the job's own token.
const assert = require('node:assert/strict');
const { test } = require('node:test');

const { githubApi } = require('./support/github.js');
const { project } = require('./support/project.js');

const support = import('../../js/test/support/build-server.js');

const FILES = {
  'shop.spec.js': `
    const { test, expect } = require('@playwright/test');
    for (const name of ['one', 'two', 'three']) test(name, async ({}, info) => {
      await info.attach('note', { body: 'words' });
      console.log('the id of the request is ' + process.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN);
    });
  `,
};
const JOB = { CI: 'true', RUNCAST_RUN: '', GITHUB_REPOSITORY: 'acme/shop', GITHUB_REPOSITORY_ID: '42', GITHUB_RUN_ID: '9', GITHUB_RUN_ATTEMPT: '1' };
const SHA = 'c'.repeat(40);

test('in GitHub Actions a run is posted with the token of the job, which is exchanged once for all workers', async (t) => {
  const { buildServer, guarded, PUBLIC_URL } = await support;
  const [builds, github] = [await buildServer(t), await githubApi(t)];
  const node = await guarded(t, builds);
  const made = project(t, { files: FILES, config: { workers: 3, fullyParallel: true }, reporter: { url: node.url } });
  const status = { GITHUB_TOKEN: 'ghs_job', GITHUB_API_URL: github.url, GITHUB_SHA: SHA };
  const { code, stdout, stderr } = await made.run({ env: { ...JOB, ...builds.github, ...status } });
  assert.equal(code, 0, stderr);
  assert.deepEqual(stderr.trimEnd().split('\n').length, 1, stderr);
  assert.deepEqual(builds.asked, [PUBLIC_URL]);
  const { events } = await node.read('/api/runs/gh-42-9-1/events?limit=1000');
  const counts = (type) => events.filter((event) => event.type === type).length;
  assert.deepEqual([counts('artifact'), events.at(-1).type, events.some(({ status }) => status === 'passed')], [3, 'worker', true]);
  assert.equal(github.posts.at(-1).state, 'success', 'how the whole run ended was read with the token, too');
  assert.doesNotMatch(stdout.replaceAll('the id of the request is request-token', '') + stderr, /eyJ|request-token/);
  assert.doesNotMatch(JSON.stringify(events), /eyJ|request-token/);
});

test('a job without the permission says in one line what to do, and the tests go on', async (t) => {
  const { buildServer, guarded } = await support;
  const node = await guarded(t, await buildServer(t));
  const made = project(t, { files: FILES, reporter: { url: node.url, attachments: false } });
  const { code, stderr } = await made.run({ env: { ...JOB, GITHUB_ACTIONS: 'true' } });
  assert.equal(code, 0);
  const warnings = stderr.split('\n').filter((line) => line.includes('token'));
  assert.equal(warnings.length, 1, stderr);
  assert.match(warnings[0], /^runcast: the server needs a token, and this job can have none: give the job `permissions: id-token: write`/);
});

test('a token that is given wins', async (t) => {
  const { buildServer, guarded } = await support;
  const builds = await buildServer(t);
  const node = await guarded(t, builds);
  const made = project(t, { files: FILES, reporter: { url: node.url } });
  const { code, stderr } = await made.run({ env: { ...JOB, ...builds.github, RUNCAST_TOKEN: node.key } });
  assert.deepEqual([code, stderr.trimEnd().split('\n').length, builds.asked], [0, 1, []], stderr);
  assert.equal((await node.read('/api/runs/gh-42-9-1')).status, 'passed');
});
