// Attachments: what they become on the server, and what happens to them where that can't be.
const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { createHash } = require('node:crypto');
const { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { test } = require('node:test');

const { faulty } = require('./support/faulty.js');
const { eventsOf, project } = require('./support/project.js');
const { reportOf } = require('./support/report.js');

const BINARY = process.env.RUNCAST_BIN ?? join(__dirname, '../../../target/debug/runcast');
const VARIANT = process.platform;
const MiB = 1024 * 1024;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const support = () => import('../../js/test/support/runcast.js');

/** The artifacts of a run, by name. */
async function artifactsOf(url) {
  const { artifacts } = await (await fetch(`${url}/api/runs/r/artifacts?limit=1000`)).json();
  const ready = artifacts.filter(({ state }) => state === 'ready');
  assert.equal(new Set(ready.map(({ name }) => name)).size, ready.length, 'two artifacts have one name');
  return new Map(ready.map((artifact) => [artifact.name.replace(`${VARIANT}/`, ''), artifact]));
}

/** The bytes of an artifact, downloaded. */
async function bytesOf(url, { artifactId }) {
  const path = `${url}/api/runs/r/artifacts/${artifactId}/download?encoding=identity`;
  const { downloadUrl } = await (await fetch(path)).json();
  return Buffer.from(await (await fetch(new URL(downloadUrl, url))).arrayBuffer());
}

/** The entries of the tests' ends, by title and attempt. */
async function entriesOf(url) {
  const events = await eventsOf(url);
  const titles = new Map();
  const entries = {};
  for (const { type, testId, status, data } of events) {
    if (type !== 'test_status') continue;
    if (status === 'running') titles.set(testId, data.title.at(-1));
    else entries[`${titles.get(testId)} ${data.attempt}`] = { testId, list: data.attachments ?? [] };
  }
  return entries;
}

/** The files that were kept, relative to their directory. */
function keptIn(dir) {
  const kept = join(dir, '.runcast');
  if (!existsSync(kept)) return [];
  const all = readdirSync(kept, { recursive: true, withFileTypes: true });
  return all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(kept.length + 1));
}

/** The command that a run printed for its attachments. */
const commandOf = (stderr) => /upload them when it is back: (.+)$/m.exec(stderr)?.[1];

/** Runs a printed command as it stands, in a shell. */
function shell(command, dir) {
  return new Promise((resolve) => {
    const env = { PATH: `${dirname(BINARY)}:${process.env.PATH}` };
    execFile('sh', ['-c', command], { cwd: dir, env }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
}

const KINDS = `
const { test, expect } = require('@playwright/test');
const fs = require('node:fs');
const { execFileSync } = require('node:child_process');
const shared = process.env.SHARED;

test.beforeEach(async ({}, info) => info.attach('before', { body: 'before each' }));
test.afterEach(async ({}, info) => info.attach('after', { body: JSON.stringify({ after: info.retry }), contentType: 'application/json' }));

test('pays by card', async ({}, info) => {
  const path = info.outputPath('deep', 'a file ü.bin');
  fs.mkdirSync(info.outputPath('deep'), { recursive: true });
  fs.writeFileSync(path, Buffer.alloc(700_000, 'x' + info.retry));
  await info.attach('report', { path });
  await info.attach('note', { body: 'hello' });
  await info.attach('note', { body: 'hello again' });
  await info.attach('../../odd: name', { body: Buffer.from([0, 255, 10]), contentType: 'application/octet-stream' });
  info.attachments.push({ name: 'pushed', path, contentType: 'application/octet-stream' });
  info.attachments.push({ name: 'shared', path: shared, contentType: 'text/plain' });
  expect(info.retry).toBe(1);
});

test('odd things', async ({}, info) => {
  const at = (name) => info.outputPath(name);
  fs.mkdirSync(at('dir'), { recursive: true });
  execFileSync('mkfifo', [at('fifo')]);
  fs.writeFileSync(at('original.txt'), 'linked');
  fs.symlinkSync(at('original.txt'), at('link.txt'));
  const push = (name) => info.attachments.push({ name, path: at(name), contentType: 'no type\\nat all' });
  for (const name of ['dir', 'fifo', 'gone.txt', 'link.txt']) push(name);
  info.attachments.push({ name: 'shared', path: shared, contentType: 'text/plain' });
  info.attachments.push({ name: 'nothing', contentType: 'text/plain' });
  await info.attach('left out', { body: 'left out' });
  fs.writeFileSync(at('again.txt'), 'first');
  push('again.txt');
  await test.step('between', async () => {});
  await expect.poll(() => fs.existsSync(process.env.SEEN + '-again.txt')).toBe(true);
  fs.writeFileSync(at('again.txt'), 'second');
  push('again.txt');
});

test('fails on a page', async ({ page }) => {
  await page.setContent('<h1>Shop</h1>');
  await expect(page.locator('h1')).toHaveText('Cart', { timeout: 100 });
});
`;

/** A reporter that comes after ours, and leaves a file for each attachment that ours has been given. */
const SEEN = `
const fs = require('node:fs');
module.exports = class {
  printsToStdio() { return false; }
  onStepEnd(test, result) { for (const { name } of result.attachments) if (/^(again.txt|large)$/.test(name)) fs.writeFileSync(process.env.SEEN + '-' + name, ''); }
};
`;

for (const playwright of ['newest', 'oldest']) {
  test(`attachments of all kinds become artifacts, byte for byte: ${playwright} Playwright`, async (t) => {
    const { server } = await support();
    const node = await server(t);
    const made = project(t, {
      files: { 'shop/kinds.spec.js': KINDS, '../seen.js': SEEN },
      config: { retries: 1, workers: 2, projects: [{ name: 'big screen' }], fullyParallel: true },
      playwright,
    });
    const { dir } = made;
    const file = join(dir, 'witness.ndjson');
    const config = readFileSync(join(dir, 'with.config.js'), 'utf8')
      .replace('["blob",{}],', '')
      .replace('["@runcast/playwright",{}]', `["@runcast/playwright", { attachments: ({ name }) => { if (name === 'left out') throw new Error('no'); return true; } }],
        [${JSON.stringify(join(dir, 'seen.js'))}], [${JSON.stringify(require.resolve('./support/witness.js'))}, { file: ${JSON.stringify(file)} }]`)
      .replace('use: {', "use: { screenshot: 'only-on-failure', trace: 'retain-on-failure',");
    writeFileSync(join(dir, 'with.config.js'), config);
    writeFileSync(join(dir, 'shared.txt'), 'of both');
    const { stderr, stdout } = await made.run({ env: { RUNCAST_URL: node.url, SHARED: join(dir, 'shared.txt'), SEEN: join(dir, 'seen') } });
    const [artifacts, entries, { contents }] = [await artifactsOf(node.url), await entriesOf(node.url), reportOf(file)];

    const named = Object.fromEntries(Object.entries(entries).map(([title, { list }]) => [title, list.map(({ artifact, note }) => artifact?.replace(`${VARIANT}/`, '') ?? note ?? '')]));
    const pays = 'shop-kinds-pays-by-card-big-screen';
    const card = (where) => [`${where}/before.txt`, `${where}/report.bin`, `${where}/note.txt`, `${where}/note-2.txt`, `${where}/..-..-odd- name`];
    const first = [...card(pays), `${pays}/deep/a file ü.bin`];
    assert.deepEqual(named['pays by card 0'].filter((name) => !/shared|trace|error-context|screenshot|test-failed/.test(name)), [...first, `${pays}/after.json`], stdout);
    assert.deepEqual(named['pays by card 1'].slice(0, 5), card(`${pays}-retry1`));
    const odd = named['odd things 0'];
    const own = 'shop-kinds-odd-things-big-screen';
    assert.deepEqual(odd.slice(0, 4), [`${own}/before.txt`, 'it is a directory', 'it is not a regular file', 'there is no such file']);
    assert.ok(odd[4].endsWith('original.txt') && odd[6] === 'it has neither a file nor a body' && odd[7] === '', JSON.stringify(odd));
    assert.deepEqual(odd.slice(8), [`${own}/again.txt`, `${own}/again-2.txt`, `${own}/after.json`]);
    assert.equal(named['pays by card 1'].find((name) => name.endsWith('shared.txt')), odd[5], 'the same file is uploaded once');
    const page = named['fails on a page 1'];
    for (const name of ['test-failed-1.png', 'trace.zip', 'error-context.md']) {
      if (name === 'error-context.md' && playwright === 'oldest') continue;
      assert.ok(page.includes(`shop-kinds-fails-on-a-page-big-screen-retry1/${name}`), `${name}: ${JSON.stringify(page)}`);
    }

    // Each is what its test had attached, when it did.
    let compared = 0;
    for (const [title, { testId, list }] of Object.entries(entries)) {
      for (const [index, { name, size, artifact: told, contentType }] of list.entries()) {
        if (told === undefined) continue;
        const artifact = artifacts.get(told.replace(`${VARIANT}/`, ''));
        assert.ok(artifact, `${title}: ${name} was not uploaded`);
        const expected = contents.get(`${testId} ${title.at(-1)}`)[index];
        assert.deepEqual({ size, sha256: artifact.sha256 }, expected, `${title}: ${name}`);
        if (name !== 'shared') assert.equal(artifact.test, testId);
        if (!contentType.startsWith('no type')) assert.equal(artifact.contentType.split(';')[0], contentType.split(';')[0]);
        if (name === 'trace') assert.equal(artifact.kind, 'trace');
        else assert.equal(sha256(await bytesOf(node.url, artifact)), expected.sha256);
        compared += 1;
      }
    }
    assert.ok(compared > 25, `${compared} compared`);
    assert.match(stderr, /the option `attachments` threw for "left out"/);
    assert.deepEqual(keptIn(dir), []);
    assert.ok(!existsSync(join(dir, '.runcast')), stderr);
  });
}

/** Tests that attach files of a size, in KiB, and are over at once. */
const MANY = (tests, kib) => `
const { test } = require('@playwright/test');
const fs = require('node:fs');
test.describe.configure({ mode: 'parallel' });
for (let number = 0; number < ${tests}; number += 1) {
  test('test ' + number, async ({}, info) => {
    const path = info.outputPath('file.bin');
    fs.writeFileSync(path, Buffer.alloc(${kib} * 1024, String(number)));
    info.attachments.push({ name: 'file', path, contentType: 'application/octet-stream' });
    await info.attach('copied', { path });
    await info.attach('body', { body: 'body of ' + number });
  });
}
`;

test('files that are removed as soon as their test has ended are uploaded', async (t) => {
  const { server } = await support();
  const node = await server(t);
  const made = project(t, {
    files: { 'many.spec.js': MANY(30, 300) },
    config: { workers: 4, preserveOutput: 'failures-only' },
  });
  const { code, stdout, stderr } = await made.run({ env: { RUNCAST_URL: node.url } });
  assert.equal(code, 0, stdout);
  const artifacts = await artifactsOf(node.url);
  const lists = Object.values(await entriesOf(node.url)).map(({ list }) => list);
  assert.equal(lists.length, 30);
  let late = 0;
  for (const { artifact: told, note } of lists.flat()) {
    const artifact = artifacts.get(told?.replace(`${VARIANT}/`, ''));
    if (note !== undefined) {
      // A runner that gets no processor in time can't know of the file before it is gone.
      assert.equal(note, 'there is no such file');
      late += 1;
      continue;
    }
    const [, number, name] = /^many-test-(\d+)\/(\S+)$/.exec(artifact?.name.replace(`${VARIANT}/`, ''));
    const bytes = name === 'body.txt' ? `body of ${number}` : Buffer.alloc(300 * 1024, number);
    assert.equal(artifact.sha256, sha256(bytes), told);
  }
  t.diagnostic(`gone before the reporter was told of them: ${late} of 60`);
  assert.ok(late < 30, `${late} files are missing: ${stderr}`);
  assert.ok(!existsSync(join(made.dir, '.runcast')));
});

/** A test with one large file, which it removes as soon as the reporter has been told of it. */
const LARGE = (mib) => `
const { test, expect } = require('@playwright/test');
const fs = require('node:fs');
test('large', async ({}, info) => {
  const path = info.outputPath('large.bin');
  const piece = Buffer.alloc(${MiB});
  const file = fs.openSync(path, 'w');
  for (let at = 0; at < ${mib}; at += 1) fs.writeSync(file, piece.fill(at));
  info.attachments.push({ name: 'large', path, contentType: 'application/octet-stream' });
  await info.attach('small', { body: 'small' });
  await expect.poll(() => fs.existsSync(process.env.SEEN + '-large')).toBe(true);
  fs.rmSync(path);
});
`;

test('100 MB are uploaded from another file system, although they are removed, and do not stay in memory', async (t) => {
  const { server } = await support();
  const node = await server(t);
  const shm = existsSync('/dev/shm') ? mkdtempSync('/dev/shm/runcast-playwright-') : undefined;
  t.after(() => shm && rmSync(shm, { recursive: true, force: true }));
  const made = project(t, {
    files: { 'large.spec.js': LARGE(100), '../seen.js': SEEN, '../memory.js': `
      let most = 0, before = 0;
      const look = () => { most = Math.max(most, process.memoryUsage().rss); };
      module.exports = class {
        printsToStdio() { return false; }
        onTestBegin() { before = process.memoryUsage().rss; setInterval(look, 20).unref(); }
        onExit() { look(); process.stderr.write('grown by ' + Math.round((most - before) / 1048576) + ' MiB'); }
      };` },
    config: shm ? { outputDir: join(shm, 'results') } : {},
    reporter: { attachmentMaxMb: 101 },
    others: [['./seen.js', {}], ['./memory.js', {}]],
  });
  const { code, stdout, stderr } = await made.run({ env: { RUNCAST_URL: node.url, SEEN: join(made.dir, 'seen') } });
  assert.equal(code, 0, stdout);
  const hash = createHash('sha256');
  for (let at = 0; at < 100; at += 1) hash.update(Buffer.alloc(MiB, at));
  const artifact = (await artifactsOf(node.url)).get('large-large/large.bin');
  assert.deepEqual([artifact?.size, artifact?.sha256], [100 * MiB, hash.digest('hex')], stderr);
  const grown = Number(/grown by (-?\d+) MiB/.exec(stderr)?.[1]);
  assert.ok(grown < 60, `the runner's memory grew by ${grown} MiB`);
  t.diagnostic(`memory grew by ${grown} MiB`);
  assert.ok(!existsSync(join(made.dir, '.runcast')), stderr);
});

test('a file above the limit, and a server without artifacts, are told once, and the run goes on', async (t) => {
  const { server } = await support();
  const node = await server(t);
  const off = await faulty(t, () => node.url, ({ url }) =>
    url.includes('/artifacts/') ? { status: 501, headers: { 'content-type': 'application/problem+json' }, body: '{"code":"artifacts_off","detail":"off"}' } : undefined);
  const made = project(t, {
    files: { 'large.spec.js': LARGE(2), 'many.spec.js': MANY(5, 1), '../seen.js': SEEN },
    config: { workers: 1 },
    reporter: { attachmentMaxMb: 1 },
    others: [['./seen.js', {}]],
  });
  const { code, stderr } = await made.run({ env: { RUNCAST_URL: off.url, SEEN: join(made.dir, 'seen') } });
  assert.equal(code, 0);
  assert.equal(stderr.match(/larger than attachmentMaxMb \(1\) are not uploaded: \S+large.bin has 2 MB/g)?.length, 1, stderr);
  assert.equal(stderr.match(/keeps no artifacts \(501 artifacts_off\)/g)?.length, 1, stderr);
  assert.ok(off.count[501] <= 2, `${off.count[501]} requests`);
  const { list } = (await entriesOf(node.url))['large 0'];
  assert.equal(list[0].note, 'it is larger than attachmentMaxMb (1)');
  assert.ok(!existsSync(join(made.dir, '.runcast')), stderr);
});

test('a server that dies within an upload gets it when it is back', async (t) => {
  const { server } = await support();
  const node = await server(t);
  let restarted;
  const between = await faulty(t, () => node.url, ({ url }) => {
    if (!url.includes('large.bin') || restarted !== undefined) return undefined;
    restarted = node.kill().then(() => node.start());
    return 'cut';
  });
  const made = project(t, { files: { 'large.spec.js': LARGE(20), '../seen.js': SEEN }, others: [['./seen.js', {}]] });
  const { code, stderr } = await made.run({ env: { RUNCAST_URL: between.url, SEEN: join(made.dir, 'seen') } });
  await restarted;
  assert.equal(code, 0);
  const artifacts = await artifactsOf(node.url);
  assert.equal(artifacts.get('large-large/large.bin')?.size, 20 * MiB, stderr);
  assert.equal(artifacts.get('large-large/small.txt')?.size, 5);
  assert.ok(!existsSync(join(made.dir, '.runcast')), stderr);
});

test('what a dead server has not got is kept, and the printed command uploads it later', async (t) => {
  const { server } = await support();
  const node = await server(t);
  const made = project(t, { files: { 'many.spec.js': MANY(6, 300) }, reporter: { endTimeoutSecs: 1 } });
  await node.kill();
  const { code, stderr } = await made.run({ env: { RUNCAST_URL: node.url } });
  assert.equal(code, 0, stderr);
  const kept = keptIn(made.dir).filter((name) => !/ndjson$|gitignore$/.test(name));
  assert.equal(kept.length, 18, kept.join('\n'));
  rmSync(join(made.dir, 'test-results'), { recursive: true });
  await node.start();
  const command = commandOf(stderr);
  const later = await shell(command, made.dir);
  assert.equal(later.code, 0, `${command}: ${later.stderr}`);
  const artifacts = await artifactsOf(node.url);
  for (let number = 0; number < 6; number += 1) {
    assert.equal(artifacts.get(`many-test-${number}/file.bin`)?.sha256, sha256(Buffer.alloc(300 * 1024, String(number))));
    assert.equal(artifacts.get(`many-test-${number}/body.txt`)?.size, 9);
  }
  assert.deepEqual(keptIn(made.dir).filter((name) => !/ndjson$|gitignore$/.test(name)), []);
});

test('SIGTERM: what was not uploaded is in files at once, also what had none', async (t) => {
  const { eventually, server } = await support();
  const node = await server(t);
  const slow = await faulty(t, () => node.url, ({ url }) => (url.includes('/artifacts/') ? 'hang' : undefined));
  const made = project(t, {
    files: { 'waits.spec.js': MANY(1, 300).replace("'body of ' + number });", "'body of ' + number }); await new Promise(() => {});") },
  });
  const { stderr } = await made.run({
    env: { RUNCAST_URL: slow.url },
    started: async (child) => {
      await eventually(() => slow.count.hang >= 2);
      child.kill('SIGTERM');
    },
  });
  const kept = keptIn(made.dir).filter((name) => name.includes('many') || name.includes('waits'));
  assert.deepEqual(kept.map((name) => name.split('/').at(-1)).sort(), ['body.txt', 'copied.bin', 'file.bin'], stderr);
  const own = kept.find((name) => name.endsWith('body.txt'));
  assert.equal(readFileSync(join(made.dir, '.runcast', own), 'utf8'), 'body of 0');
  assert.ok(commandOf(stderr)?.startsWith('runcast upload --url'), stderr);
  const later = await shell(commandOf(stderr).replace(slow.url, node.url), made.dir);
  assert.equal(later.code, 0, later.stderr);
  assert.equal((await artifactsOf(node.url)).size, 3);
});
