// docs/playwright.md: its configurations, commands and CI files do what it says, and it has all options and messages.
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { test } = require('node:test');

const { parse } = require('yaml');

const { githubApi } = require('./support/github.js');
const { load } = require('./support/module.js');
const { project } = require('./support/project.js');

const PACKAGE = resolve(__dirname, '..');
const page = readFileSync(resolve(PACKAGE, '../../docs/playwright.md'), 'utf8');
const URL = 'http://127.0.0.1:3001';
const blocks = [...page.matchAll(/^( *)```(\w+) (\w+)\n([^]*?)^\1```$/gm)].map(([, indent, language, part, code]) => ({
  language, part, code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
}));
const part = (name) => blocks.filter((block) => block.part === name).map(({ code }) => code);
const [CONFIG] = part('config');
const spec = (names) => `const { test } = require('@playwright/test');\n${names.map((name) => `test('${name}', () => {});\n`).join('')}`;
const FILES = { 'cart.spec.js': spec(['adds', 'pays']), 'shop.spec.js': spec(['opens', 'closes']) };

const support = import('../../js/test/support/runcast.js');
const server = async (t) => (await support).server(t);

/** A project whose shell has `npx playwright`, and nothing of the machine's Playwright. */
function made(t, { url }) {
  const { dir } = project(t, { files: FILES });
  mkdirSync(join(dir, 'bin'));
  const npx = join(dir, 'bin/npx');
  writeFileSync(npx, `#!/bin/sh\nshift\nexec "${process.execPath}" "${dir}/node_modules/@playwright/test/cli.js" "$@"\n`);
  chmodSync(npx, 0o755);
  const at = (text) => text.replaceAll(URL, url);
  writeFileSync(join(dir, 'playwright.config.ts'), at(CONFIG));
  return { dir, at };
}

/** Runs a line as the shell of a person or a job does. */
async function shell(dir, line, env) {
  const path = `${dir}/bin:${resolve(process.execPath, '..')}:${process.env.PATH}`;
  const child = spawn('sh', ['-c', line], { cwd: dir, env: { PATH: path, HOME: dir, ...env } });
  let told = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (told += text));
  const [code] = await once(child, 'close');
  return { code, told };
}

test('all code of docs/playwright.md is run here', () => {
  const known = { config: 3, run: 2, install: 1, github: 1, gitlab: 1 };
  for (const [name, count] of Object.entries(known)) assert.equal(part(name).length, count, name);
  const others = page.match(/^ *```\w+.*$/gm).filter((line) => !/```(text$|\w+ \w+$)/.test(line));
  assert.deepEqual(others, []);
});

test('the configurations and commands give runs', async (t) => {
  const node = await server(t);
  const { dir, at } = made(t, node);
  const check = async (name, line, env = {}) => {
    const { code, told } = await shell(dir, line, { RUNCAST_RUN: name, ...env });
    assert.equal(code, 0, told);
    assert.equal(told.match(/runcast:/g)?.length, 1, told);
    assert.ok(told.includes(`runcast: watch this run at ${node.url}/runs/${name} (secrets are masked in events, `), told);
    const { status, counts } = await node.json(`/api/runs/${name}`);
    assert.deepEqual([status, counts.passed], ['passed', 4], name);
  };
  for (const [index, code] of part('config').entries()) {
    writeFileSync(join(dir, 'playwright.config.ts'), at(code));
    await check(`config-${index}`, 'npx playwright test');
    const tsc = join(PACKAGE, 'node_modules/typescript/bin/tsc');
    const flags = '--noEmit --strict --skipLibCheck --module nodenext --types node --typeRoots';
    const types = await shell(dir, `node ${tsc} ${flags} ${PACKAGE}/node_modules/@types playwright.config.ts`);
    assert.equal(types.code, 0, types.told);
  }
  writeFileSync(join(dir, 'playwright.config.ts'), 'export default {};');
  for (const [index, line] of part('run').entries()) await check(`run-${index}`, at(line));
});

test('the package is installed by the command that the server says', async (t) => {
  const node = await server(t);
  const { dir } = made(t, node);
  const { packages } = await node.json('/clients');
  writeFileSync(join(dir, 'bin/npm'), '#!/bin/sh\necho "npm $*"\n');
  chmodSync(join(dir, 'bin/npm'), 0o755);
  const { code, told } = await shell(dir, part('install')[0], { RUNCAST_URL: node.url });
  assert.equal(code, 0, told);
  assert.equal(told.trim(), packages.find(({ name }) => name === '@runcast/playwright').install);
});

/** All combinations of the lists of a matrix. */
const combinations = (matrix) =>
  Object.entries(matrix).reduce((all, [name, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))), [{}]);

/** Runs jobs, two at a time as machines do, and checks that they are one run with both variants and all shards. */
async function oneRun(node, dir, id, variants, jobs) {
  for (let from = 0; from < jobs.length; from += 2) {
    const pair = jobs.slice(from, from + 2).map(({ line, env }, index) => shell(dir, `${line} --output=out-${from + index}`, { CI: 'true', ...env }));
    for (const { code, told } of await Promise.all(pair)) assert.equal(code, 0, told);
  }
  const { runs } = await node.json('/api/runs');
  assert.deepEqual(runs.map(({ runId }) => runId), [id]);
  const run = await node.json(`/api/runs/${id}`);
  assert.deepEqual([run.status, run.counts.passed], ['passed', 8]);
  assert.deepEqual(run.variants.map(({ variant, counts }) => [variant, counts.passed]).sort(), variants.map((name) => [name, 4]));
  assert.deepEqual(run.shards.map(({ total, joined, missing }) => [total, joined, missing]), [[2, 2, []], [2, 2, []]]);
}

test('in GitHub two shards of two systems are one run, and one commit status', async (t) => {
  const [node, github] = [await server(t), await githubApi(t)];
  const { dir, at } = made(t, node);
  const { jobs, permissions } = parse(at(part('github')[0]));
  const { strategy, env, steps } = jobs.e2e;
  assert.deepEqual(permissions, { contents: 'read', statuses: 'write' });
  const [line] = steps.map(({ run }) => run).filter((run) => run?.includes('playwright test'));
  const ci = {
    GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'acme/shop', GITHUB_REPOSITORY_ID: '1', GITHUB_RUN_ID: '2', GITHUB_RUN_ATTEMPT: '1',
    GITHUB_SHA: 'd'.repeat(40), GITHUB_API_URL: github.url,
  };
  const filled = (text, matrix) => {
    const contexts = { matrix, secrets: { RUNCAST_TOKEN: 'token-of-runcast' }, github: { token: 'ghs_job' } };
    return String(text).replace(/\$\{\{ (\w+)\.(\w+) \}\}/g, (_, context, name) => contexts[context][name]);
  };
  const all = combinations(strategy.matrix).map((matrix) => ({
    line: filled(line, matrix),
    env: { ...ci, ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value, matrix)])) },
  }));
  assert.equal(all.length, 4);
  await oneRun(node, dir, 'gh-1-2-1', ['ubuntu-latest', 'windows-latest'], all);
  const { context, state, target_url: target } = github.posts.at(-1);
  assert.deepEqual([context, state, target], ['runcast', 'success', `${node.url}/runs/gh-1-2-1`]);
});

test('in GitLab two shards of two variants are one run, and the job names the report', async (t) => {
  const node = await server(t);
  const { dir, at } = made(t, node);
  const { e2e } = parse(at(part('gitlab')[0]));
  const [line] = e2e.script.filter((run) => run.includes('playwright test'));
  const ci = { GITLAB_CI: 'true', CI_PROJECT_ID: '7', CI_PIPELINE_ID: '9', CI_PROJECT_DIR: dir };
  const all = e2e.parallel.matrix.flatMap(combinations).map((matrix) => {
    const variables = Object.entries(e2e.variables).map(([name, value]) => [name, value.replace(/\$(\w+)/g, (_, other) => matrix[other])]);
    return { line, env: { ...ci, ...matrix, ...Object.fromEntries(variables) } };
  });
  assert.equal(all.length, 4);
  await oneRun(node, dir, 'gl-7-9', ['de', 'en'], all);
  const report = JSON.parse(readFileSync(join(dir, e2e.artifacts.reports.annotations), 'utf8'));
  assert.equal(report.runcast[0].external_link.url, `${node.url}/runs/gl-7-9`);
});

test('the tables have every option, and every message that the reporter prints', () => {
  const [{ message }] = load('checks.ts').faults({ 'no such option': 1 });
  const options = message.replace(/.*the options are /, '').split(', ');
  const section = page.split('\n## Options')[1].split('\n## ')[0];
  const rows = [...section.split('| environment')[0].matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  assert.deepEqual(rows, options);

  const words = (text) => text.replaceAll('&#96;', '`').replaceAll('\\`', '`').replace(/\s+/g, ' ');
  const said = words(page.split('\n## Messages')[1]);
  const sources = readdirSync(join(PACKAGE, 'src'), { recursive: true }).filter((name) => name.endsWith('.ts'));
  const lines = sources.flatMap((name) => readFileSync(join(PACKAGE, 'src', name), 'utf8').split('\n'));
  const spoken = lines.filter((line) => /\b(say|warnOnce)\(.*[`']/.test(line) && !/function|process\.stderr/.test(line));
  const fragments = spoken.flatMap((line) => line.split(/\$\{[^}]*\}|(?<!\\)[`']/)).map((text) => words(text).trim());
  const long = fragments.filter((text) => text.length >= 24 && /^[ \w,;:'().`-]+$/.test(text) && !/say\(|warnOnce\(|=>|;$/.test(text));
  assert.ok(long.length >= 10, `only ${long.length} texts were found`);
  for (const text of long) assert.ok(said.includes(text.replace(/^[;:, ]+|[:,( ]+$/g, '')), `no row says: ${text}`);
});
