// Jobs of GitHub Actions and GitLab, which have no secret of the server's: a simulated build server, and a real server.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { buildToken, BuildTokenError, connect } from '@runcast/client';

import { audienceOf } from '../dist/ci-audience.js';
import { buildServer, guarded, PUBLIC_URL } from './support/build-server.js';
import { problem } from './support/publisher.js';
import { server } from './support/runcast.js';
import { bodyOf, fake } from './support/servers.js';

const log = { type: 'log', text: 'x' };
const LIMIT = { timeoutMs: 60_000 };

/** A run of a job, as its reporter would post it. */
function runOf(t, node, env, id) {
  const run = connect({ url: node.url, token: buildToken(node.url, env) }).run(id);
  const problems = [];
  const publisher = run.publish({ onError: (problem) => problems.push(problem.message) });
  t.after(() => publisher.close({ timeoutMs: 0 }));
  return { run, publisher, problems };
}

test('a job of GitHub Actions has one token for all that it posts and reads, and asks for no secret', async (t) => {
  const builds = await buildServer(t);
  const node = await guarded(t, builds);
  const { run, publisher, problems } = runOf(t, node, builds.github, 'gh-42-9-1');
  publisher.emit({ type: 'run_status', status: 'running' });
  assert.equal((await publisher.flush(LIMIT)).delivered, true);
  await run.upload(new Blob(['a'.repeat(100_000)]), { name: 'a.txt' });
  assert.equal((await run.state()).status, 'running');
  assert.deepEqual(builds.asked, [PUBLIC_URL], 'what the server says is its name');
  assert.deepEqual(await node.typesOf('gh-42-9-1'), ['run_status', 'artifact']);
  assert.deepEqual(problems, []);
});

test('a file that comes first is sent again with a token, also from a stream', async (t) => {
  const builds = await buildServer(t);
  const node = await guarded(t, builds);
  const { run } = runOf(t, node, builds.github, 'gh-42-9-1');
  const sent = [];
  const { size } = await run.upload(new Blob(['a'.repeat(100_000)]), { name: 'a.txt', onProgress: (at) => sent.push(at) });
  assert.deepEqual([size, sent.at(-1), builds.asked.length], [100_000, 100_000, 1]);
});

test('a job of GitLab exchanges the token that its configuration names', async (t) => {
  const builds = await buildServer(t);
  const node = await guarded(t, builds, { preset: 'gitlab', when: { namespace_id: '4' } });
  const claims = { namespace_id: '4', project_id: '7', pipeline_id: '9', project_path: 'acme/shop' };
  const env = { GITLAB_CI: 'true', RUNCAST_JWT: builds.jwt(PUBLIC_URL, claims) };
  for (const job of [1, 2]) {
    const { publisher } = runOf(t, node, env, 'gl-7-9');
    publisher.emit(log);
    assert.equal((await publisher.flush(LIMIT)).delivered, true, `job ${job}`);
  }
  const other = runOf(t, node, env, 'gl-7-10');
  other.publisher.emit(log);
  assert.equal((await other.publisher.flush(LIMIT)).error.code, 'insufficient_scope', 'the run of another build');
});

test('where no token is needed none is asked for, and elsewhere than in such a job there is none', async (t) => {
  const builds = await buildServer(t);
  const node = await server(t);
  const { publisher } = runOf(t, node, builds.github, 'r');
  publisher.emit(log);
  assert.equal((await publisher.flush(LIMIT)).delivered, true);
  assert.deepEqual(builds.asked, []);
  assert.equal(buildToken(node.url, { CI: 'true', JENKINS_URL: 'x' }), undefined);
});

test('what is missing is said: a rule, a permission, a token of GitLab', async (t) => {
  const builds = await buildServer(t);
  const node = await guarded(t, builds);
  const refusal = async (env) => {
    const { publisher, problems } = runOf(t, node, env, 'gh-42-9-1');
    publisher.emit(log);
    const { delivered, error } = await publisher.flush({ timeoutMs: 600_000 });
    assert.ok(!delivered && error instanceof BuildTokenError);
    assert.equal(problems.length, 1);
    return problems[0];
  };
  const noPermission = await refusal({ GITHUB_ACTIONS: 'true' });
  assert.match(noPermission, /permissions: id-token: write/);
  assert.match(await refusal({ GITLAB_CI: 'true' }), /id_tokens: RUNCAST_JWT: aud: PUBLIC_URL_OF_THE_SERVER`/);
  assert.match(await refusal({ GITLAB_CI: 'true', RUNCAST_AUDIENCE: PUBLIC_URL }), /id_tokens: RUNCAST_JWT: aud: https:\/\/runcast\.example\.org/);
  builds.status = 403;
  assert.match(await refusal(builds.github), /it answers 403: .*id-token: write/);
  builds.status = 200;
  builds.claims = { ...builds.claims, repository_owner_id: '8' };
  const noRule = await refusal(builds.github);
  assert.match(noRule, /does not take the token of this build: .*rule.*auth\.issuers/s);
  assert.doesNotMatch(noRule, /eyJ/, 'no token is shown');
});

test('a server does not choose for whom a token of the job is made', async (t) => {
  const builds = await buildServer(t);
  const { RUNCAST_AUDIENCE: _, ...job } = builds.github;
  let audience;
  let exchanged = 0;
  const node = await fake(t, (request, response) => {
    if (request.url === '/api/me') return response.end(JSON.stringify({ mode: 'token', audience }));
    exchanged += 1;
    response.end(JSON.stringify({ access_token: 't', expires_in: 3_600 }));
  });
  const ask = (env) => buildToken(node.url, env)('');
  const others = ['sts.amazonaws.com', 'https://vault.example.org', `http://127.0.0.1:${node.port + 1}`, `${node.url}/`, `${node.url}/x`, 'a\nb'];
  for (audience of others) {
    const refusal = await ask(job).catch((error) => error);
    assert.ok(refusal instanceof BuildTokenError, audience);
    assert.match(refusal.detail, /^the server calls itself .*: no token is asked for in that name.*set RUNCAST_AUDIENCE to it$/);
    await assert.rejects(ask({ ...job, RUNCAST_AUDIENCE: PUBLIC_URL }), BuildTokenError);
  }
  assert.deepEqual([builds.asked, exchanged], [[], 0], 'nothing was asked of the build server, nothing shown to the other one');
  for (audience of [node.url, undefined]) assert.equal(await ask(job), 't');
  for (audience of [PUBLIC_URL, undefined]) assert.equal(await ask({ ...job, RUNCAST_AUDIENCE: `${PUBLIC_URL}/` }), 't');
  assert.deepEqual(builds.asked, [node.url, node.url, PUBLIC_URL, PUBLIC_URL]);
});

test('the name of a server has to be encrypted, unless it is this machine, and the host that the job names', () => {
  const isSafe = (told, ...urls) => audienceOf(told, undefined, urls).isSafe;
  assert.ok(isSafe('https://runs.example.org', 'https://runs.example.org/below'));
  assert.ok(isSafe('https://runs.example.org', 'http://runs.example.org'), 'a proxy may send to the encrypted one');
  assert.ok(isSafe('https://b.example.org:8443', 'https://a.example.org', 'https://b.example.org:8443'), 'one of a cluster');
  assert.ok(isSafe('http://[::1]:3001', 'http://[::1]:3001'));
  assert.ok(!isSafe('http://runs.example.org', 'http://runs.example.org'));
  assert.ok(!isSafe('https://runs.example.org:444', 'https://runs.example.org'));
  assert.ok(!isSafe('https://runs.example.org.evil.example', 'https://runs.example.org'));
  assert.ok(!isSafe('runs.example.org', 'https://runs.example.org'));
});

test('when no token can be had now, the time that the answer names is handed on', async (t) => {
  const builds = await buildServer(t);
  const node = await fake(t, (request, response) => {
    if (request.url === '/api/me') return response.end(JSON.stringify({ mode: 'token', audience: PUBLIC_URL }));
    response.writeHead(503, { 'retry-after': '7' }).end(JSON.stringify({ error: 'temporarily_unavailable', error_description: 'no keys' }));
  });
  const ask = () => buildToken(node.url, builds.github)('');
  await assert.rejects(ask, { code: 'token_unavailable', status: 503, retryAfterMs: 7_000, passing: true });
  builds.status = 429;
  builds.retryAfter = '9';
  await assert.rejects(ask, { code: 'token_unavailable', status: 429, retryAfterMs: 9_000, passing: true });
});

test('a token that is over, or is refused, is exchanged again', async (t) => {
  const builds = await buildServer(t);
  const [given, shown] = [[], []];
  const node = await fake(t, async (request, response) => {
    const body = (await bodyOf(request)).toString();
    if (request.url === '/api/me') return response.end(JSON.stringify({ mode: 'token', audience: PUBLIC_URL }));
    if (request.url === '/api/token') {
      given.push(new URLSearchParams(body).get('subject_token'));
      return response.end(JSON.stringify({ access_token: `t${given.length}`, expires_in: given.length === 1 ? 0 : 3_600 }));
    }
    const token = request.headers.authorization;
    shown.push(token);
    if (token === undefined || (token === 'Bearer t2' && shown.length > 4)) return problem(response, 401, 'credential_expired');
    response.writeHead(202).end(JSON.stringify({ stored: 1, duplicates: 0, producerSeq: null }));
  });
  const { publisher, problems } = runOf(t, node, builds.github, 'r');
  for (let number = 0; number < 4; number += 1) {
    publisher.emit({ ...log, number });
    assert.equal((await publisher.flush(LIMIT)).delivered, true);
  }
  assert.deepEqual(shown, [undefined, ...[1, 2, 2, 2, 3].map((number) => `Bearer t${number}`)]);
  assert.equal(new Set(given).size, 3, 'each time with another token of the job');
  assert.deepEqual(problems, []);
});

test('a refusal is not asked for again and again', async (t) => {
  const builds = await buildServer(t);
  const node = await guarded(t, builds, { when: { repository_owner_id: '8' } });
  const token = buildToken(node.url, builds.github);
  for (const refused of ['', '', undefined]) await assert.rejects(async () => token(refused), BuildTokenError);
  assert.equal(builds.asked.length, 1);
});
