// What options, environment, CI and git come to.
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { test } = require('node:test');

const { load } = require('./support/module.js');

const { settle } = load('settle.ts');
const { ciOf, isRunId } = load('ci.ts');
const { capturedCommit, gitState } = load('git.ts');
const URL = 'http://runcast.example';

/** The settings, and what was told. */
function settled(options = {}, env = {}, more = {}) {
  const warnings = [];
  const dir = more.dir ?? '/nowhere';
  const around = { args: ['test'], platform: 'linux', now: new Date(2026, 10, 27, 4, 5, 6), warn: (line) => warnings.push(line), ...more };
  const settings = settle({ configDir: dir, _mode: 'test', ...options }, env, around);
  return { settings, warnings };
}

function directory(t) {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'runcast-settings-')));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('without an address nothing is done, and nothing is said of wrong options', () => {
  assert.deepEqual(settled({ steps: 'wrong' }), { settings: undefined, warnings: [] });
  assert.deepEqual(settled({}, { RUNCAST_URL: ' ' }), { settings: undefined, warnings: [] });
});

test('options win over the environment, the environment over the CI, the CI over defaults', () => {
  const gitlab = { GITLAB_CI: 'true', CI: '1', CI_PROJECT_ID: '7', CI_PIPELINE_ID: '99', CI_PROJECT_PATH: 'a/shop' };
  const env = { RUNCAST_URL: `${URL}/,http://b:1`, RUNCAST_TOKEN: ' t ', RUNCAST_RUN: 'nightly', RUNCAST_VARIANT: 'mac', ...gitlab };
  const { settings } = settled({}, env);
  assert.deepEqual(settings.url, [URL, 'http://b:1']);
  assert.deepEqual([settings.token, settings.runId, settings.variant, settings.meta.project], ['t', 'nightly', 'mac', 'a/shop']);
  const mine = settled({ url: 'https://c.example/live/', token: 'mine', run: 'r2', project: 'p', labels: ['x'] }, env).settings;
  assert.deepEqual([mine.url, mine.token, mine.runId, mine.meta.project, mine.meta.labels], [['https://c.example/live'], 'mine', 'r2', 'p', ['x']]);
  assert.equal(settled({ url: URL }, gitlab).settings.runId, 'gl-7-99');
  const local = settled({ url: URL }, {}).settings;
  assert.match(local.runId, /^local-20261127-040506-[0-9a-f]{4}$/);
  assert.deepEqual([local.isSharedRun, local.variant, local.printLink, local.endTimeoutMs], [false, 'linux', 'start', 15_000]);
  assert.equal(settled({ url: URL, variant: 'ff' }, { RUNCAST_VARIANT: 'linux' }).settings.variant, 'linux', 'a matrix sets it by job');
  assert.equal(settled({ url: URL, variant: 'ff' }).settings.variant, 'ff');
  assert.equal(settled({ url: URL }, {}, { platform: 'win32' }).settings.variant, 'windows');
  assert.equal(settled({ url: URL }, {}, { platform: 'darwin' }).settings.variant, 'macos');
});

test('a token may be fetched; a job of GitHub Actions has one that is, if none is given', async () => {
  const token = () => 'fetched';
  assert.equal(settled({ url: URL, token }).settings.token, token);
  const job = { GITHUB_ACTIONS: 'true' };
  const { settings, warnings } = settled({ url: URL }, job);
  assert.deepEqual([await settings.token(), warnings], [undefined, []], 'nothing is fetched before the server asks for it');
  assert.equal(settled({ url: URL }, { ...job, RUNCAST_TOKEN: 'given' }).settings.token, 'given');
  assert.equal(settled({ url: URL }, { CI: 'true' }).settings.token, undefined);
});

test('every wrong option is one warning that names it and what to write, and is left out', () => {
  const wrong = {
    colour: 1, labls: ['x'], steps: 'some', printLink: true, attachmentMaxMb: '100', queueMb: 0, endTimeoutSecs: NaN, github: 'no',
    labels: 'nightly', title: 7, project: '', variant: '', token: 'a b', enabled: 'yes', run: 'feature/login', stdio: 'no', attachments: 'none',
  };
  const { settings, warnings } = settled({ url: URL, onlyFailures: false, _commandHash: '', ...wrong });
  assert.equal(warnings.length, Object.keys(wrong).length, warnings.join('\n'));
  const about = (name) => warnings.find((line) => new RegExp(`^(there is no )?option \`${name}\``).test(line));
  for (const name of Object.keys(wrong)) assert.ok(about(name), name);
  assert.match(about('colour'), /the options are url, token/);
  assert.match(about('labls'), /did you mean `labels`\?/);
  assert.equal(about('attachmentMaxMb'), "option `attachmentMaxMb` is '100': write a number of MiB, 0 or more: 100; it is left out");
  assert.equal(about('steps'), "option `steps` is 'some': write 'all' or 'test.step' or 'none'; it is left out");
  assert.match(about('run'), /write 'feature-login'/);
  assert.ok(!about('token').includes('a b'), 'a token is not shown');
  assert.deepEqual([settings.steps, settings.attachmentMaxBytes, settings.token], ['all', 100 << 20, undefined]);
  assert.deepEqual([settings.stdio, settings.attachments], [false, false], 'what was to be kept back is');
});

test('a wrong address or mask turns the reporter off', () => {
  for (const [options, says] of [
    [{ url: 'runcast.example' }, /option `url`: 'runcast.example' is no address: .*'https:\/\/runcast.example'; nothing is posted/],
    [{ url: [] }, /option `url`/],
    [{ url: 'http://' }, /option `url`/],
    [{ url: 'https://ada:pw@runcast.example' }, /use the option `token`/],
    [{ url: URL, mask: { values: 'secret' } }, /option `mask`: `values`: write a list of texts.*; nothing is posted/],
    [{ url: URL, mask: { value: ['secret'] } }, /did you mean `values`\?; nothing is posted/],
    [{ url: URL, masks: { values: ['secret'] } }, /did you mean `mask`\?; nothing is posted/],
  ]) {
    const { settings, warnings } = settled(options, { RUNCAST_URL: 'http://other' });
    assert.equal(settings, undefined);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], says);
    assert.ok(!/pw@|'secret'/.test(warnings[0]), 'secrets are not shown');
  }
  const { settings, warnings } = settled({}, { RUNCAST_URL: 'localhost:3001' });
  assert.equal(settings, undefined);
  assert.match(warnings.join(), /^RUNCAST_URL: 'localhost:3001' is no address: write http:\/\/.*; nothing is posted$/);
  assert.equal(settled({ url: URL, mask: { fill: 'all', patterns: [/a/], env: ['X*'], values: ['v'] } }).settings.mask.fill, 'all');
  assert.equal(settled({ url: URL, mask: false }).settings.mask, false);
});

test('a run has the id that the option makes, if it is one', () => {
  const env = { CIRCLECI: 'true', CIRCLE_WORKFLOW_ID: 'w1' };
  assert.equal(settled({ url: URL, run: (ci) => `${ci.runId}-e2e` }, env).settings.runId, 'circle-w1-e2e');
  for (const [run, says] of [
    [() => { throw new Error('no id today'); }, /the function threw Error: no id today/],
    [() => 42, /not the id of a run/],
    ['über', /write 'ber'/],
    [{}, /write a text, or a function/],
  ]) {
    const { settings, warnings } = settled({ url: URL, run }, env);
    assert.equal(settings.runId, 'circle-w1');
    assert.equal(warnings.length, 1, warnings.join('\n'));
    assert.match(warnings[0], says);
  }
  const { settings, warnings } = settled({ url: URL }, { ...env, RUNCAST_RUN: 'a b' });
  assert.equal(settings.runId, 'circle-w1');
  assert.match(warnings.join(), /^RUNCAST_RUN: 'a b' can't be the id of a run: .* write 'a-b'; it is left out$/);
});

test('nothing is posted for lists, merges, UI mode and editors, unless they are asked for', () => {
  const on = (options, env, args) => settled({ url: URL, ...options }, env, { args: args ?? ['test'] }).settings !== undefined;
  assert.ok(!on({ _mode: 'list' }) && !on({ _mode: 'merge' }) && !on({ _mode: 'list', enabled: true }));
  assert.ok(on({ _mode: undefined }), 'nobody says what it is');
  for (const args of [['test', '--ui'], ['test', '--ui-port=0'], ['test', '--ui-host', '::'], ['test-server', '-c', 'x']]) {
    assert.ok(!on({}, {}, args), args.join(' '));
    assert.ok(!on({ enabled: 'ci' }, { CI: '1' }, args));
    assert.ok(on({ enabled: true }, {}, args) && on({}, { RUNCAST_ENABLED: '1' }, args));
  }
  assert.ok(!on({ _isTestServer: true }) && !on({}, { PW_TEST_REPORTER_WS_ENDPOINT: 'ws://x' }));
  assert.ok(on({}, { PWDEBUG: '1' }, ['test', '--debug']) && on({}, {}, ['test', '-g', 'ui']));
  assert.ok(!on({ enabled: 'ci' }) && !on({ enabled: 'ci' }, { CI: 'false' }) && on({ enabled: 'ci' }, { CI: 'true' }));
  assert.ok(!on({}, { RUNCAST_ENABLED: '0' }) && !on({}, { RUNCAST_ENABLED: 'ci' }) && on({ enabled: true }, { RUNCAST_ENABLED: '0' }));
  assert.match(settled({ url: URL }, { RUNCAST_ENABLED: 'maybe' }).warnings.join(), /^RUNCAST_ENABLED: write 1, 0 or ci/);
});

test('each CI gives a run one id in all its jobs, and says what it is about', (t) => {
  const file = join(directory(t), 'event.json');
  const sha = 'a'.repeat(40);
  const head = { sha: 'b'.repeat(40) };
  writeFileSync(file, JSON.stringify({ pull_request: { number: 12, title: 'Pay by card', user: { login: 'ada' }, head } }));
  const github = {
    GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY_ID: '11', GITHUB_RUN_ID: '22', GITHUB_RUN_ATTEMPT: '3', GITHUB_REPOSITORY: 'acme/shop',
    GITHUB_RUN_NUMBER: '1042', GITHUB_WORKFLOW: 'e2e', GITHUB_EVENT_NAME: 'pull_request', GITHUB_HEAD_REF: 'card', GITHUB_REF_NAME: '12/merge',
    GITHUB_SHA: sha, GITHUB_ACTOR: 'bot', GITHUB_SERVER_URL: 'https://github.com',
  };
  assert.deepEqual(ciOf({ ...github, GITHUB_EVENT_PATH: file }), {
    name: 'github', runId: 'gh-11-22-3', project: 'acme/shop', number: 1042, title: 'Pay by card', branch: 'card', commit: head.sha,
    author: 'ada', url: 'https://github.com/acme/shop/actions/runs/22', labels: ['e2e', 'pull_request', '#12'],
  });
  const push = ciOf({ ...github, GITHUB_HEAD_REF: '', GITHUB_REF_NAME: 'main', GITHUB_EVENT_NAME: 'push', GITHUB_REPOSITORY_ID: undefined });
  assert.deepEqual([push.title, push.branch, push.commit, push.author], ['e2e', 'main', sha, 'bot']);
  assert.match(push.runId, /^gh-acme-shop-22-3-[0-9a-f]{8}$/);
  const others = [
    [{ GITLAB_CI: 'true', CI_PROJECT_ID: '7', CI_PIPELINE_ID: '99', CI_PIPELINE_IID: '5', CI_COMMIT_TITLE: 'Fix', CI_COMMIT_REF_NAME: 'main',
      CI_COMMIT_SHA: sha, CI_COMMIT_AUTHOR: 'Ada <ada@example.org>', CI_PIPELINE_URL: 'https://gl/p/99', CI_PIPELINE_SOURCE: 'push' },
    { name: 'gitlab', runId: 'gl-7-99', number: 5, title: 'Fix', branch: 'main', commit: sha, author: 'Ada', url: 'https://gl/p/99', labels: ['push'] }],
    [{ BUILDKITE: 'true', BUILDKITE_BUILD_ID: 'u-1', BUILDKITE_PIPELINE_SLUG: 'shop', BUILDKITE_BUILD_NUMBER: '8', BUILDKITE_MESSAGE: 'a\nb', BUILDKITE_COMMIT: 'HEAD' },
      { name: 'buildkite', runId: 'bk-u-1', project: 'shop', number: 8, title: 'a' }],
    [{ CIRCLECI: 'true', CIRCLE_WORKFLOW_ID: 'w', CIRCLE_PROJECT_USERNAME: 'acme', CIRCLE_PROJECT_REPONAME: 'shop', CIRCLE_SHA1: sha },
      { name: 'circleci', runId: 'circle-w', project: 'acme/shop', commit: sha }],
    [{ JENKINS_URL: 'https://ci/', BUILD_TAG: 'jenkins-shop-12', JOB_NAME: 'shop', BUILD_NUMBER: '12', GIT_BRANCH: 'origin/main' },
      { name: 'jenkins', runId: 'jk-jenkins-shop-12', project: 'shop', number: 12, branch: 'main' }],
    [{ TF_BUILD: 'True', SYSTEM_COLLECTIONID: 'c-1', BUILD_BUILDID: '31', SYSTEM_TEAMPROJECT: 'my shop', SYSTEM_COLLECTIONURI: 'https://dev.azure.com/acme/',
      BUILD_SOURCEBRANCH: 'refs/heads/feature/x' },
    { name: 'azure', runId: 'az-c-1-31-1', project: 'my shop', number: 31, branch: 'feature/x', url: 'https://dev.azure.com/acme/my%20shop/_build/results?buildId=31' }],
    [{ CI: 'true' }, {}],
    [{ GITHUB_ACTIONS: 'false', GITLAB_CI: '' }, {}],
  ];
  for (const [env, want] of others) assert.deepEqual(ciOf(env), want);
  const folder = ciOf({ JENKINS_URL: 'x', BUILD_TAG: 'jenkins-Ümlaut/job (1)-12' }).runId;
  assert.ok(isRunId(folder), folder);
  const long = (last) => ciOf({ JENKINS_URL: 'x', BUILD_TAG: 'x'.repeat(200) + last }).runId;
  assert.ok(isRunId(long('1')) && long('1') !== long('2'), 'ids that are cut stay apart');
});

test('branch and commit are read from .git, also in a worktree, and without it', (t) => {
  const dir = directory(t);
  assert.deepEqual(gitState(dir), {});
  const git = (at, ...args) => execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=a@b', ...args], { cwd: at, encoding: 'utf8' }).trim();
  git(dir, 'init', '-qb', 'main');
  assert.deepEqual(gitState(dir), { branch: 'main' }, 'before the first commit');
  git(dir, 'commit', '-q', '--allow-empty', '-m', 'one');
  const commit = git(dir, 'rev-parse', 'HEAD');
  mkdirSync(join(dir, 'e2e/deep'), { recursive: true });
  assert.deepEqual(gitState(join(dir, 'e2e/deep')), { branch: 'main', commit });
  git(dir, 'branch', 'feature/x');
  git(dir, 'branch', 'feature/x-2');
  git(dir, 'pack-refs', '--all');
  git(dir, 'worktree', 'add', '-q', join(dir, 'tree'), 'feature/x');
  assert.deepEqual(gitState(join(dir, 'tree')), { branch: 'feature/x', commit });
  assert.deepEqual(settled({ url: URL }, {}, { dir: join(dir, 'tree') }).settings.meta, { branch: 'feature/x', commit });
  git(dir, 'checkout', '-q', '--detach');
  assert.deepEqual(gitState(dir), { commit });
  writeFileSync(join(dir, '.git/HEAD'), 'ref: refs/heads/.invalid\n');
  assert.deepEqual(gitState(dir), {});
  const gitCommit = { hash: commit, branch: 'HEAD', subject: 'one', author: { name: 'Ada' } };
  assert.deepEqual(capturedCommit({ gitCommit }), { commit, title: 'one', author: 'Ada' });
  assert.deepEqual(capturedCommit({}), {});
});
