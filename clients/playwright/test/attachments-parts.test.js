// The parts of attachments: names, what is secured, and the queue.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { test } = require('node:test');

const { load } = require('./support/module.js');

const { ApiError, TransportError, Uploads } = load('../test/support/uploads.ts');

/** A directory that goes with the test. */
function directory(t) {
  const dir = fs.mkdtempSync(join(tmpdir(), 'runcast-attachments-'));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A test, as Playwright has it in the runner. */
function testCase(title, { project = 'chromium', file = '/shop/tests/cart/pay.spec.ts', repeatEachIndex = 0 } = {}) {
  const parent = { type: 'file', location: { file, line: 0, column: 0 }, project: () => ({ name: project, testDir: '/shop/tests', outputDir: '/shop/results' }) };
  return { id: `id of ${title}`, location: { file: '/shop/helper.ts' }, parent, repeatEachIndex, titlePath: () => ['', project, 'cart/pay.spec.ts', title] };
}

test('names are those of the directories that Playwright makes, and free', () => {
  const { Names } = load('attachments/names.ts');
  const names = new Names('windows 11');
  const pays = testCase('pays');
  const [first, second] = [{ retry: 0 }, { retry: 1 }];
  const ofFile = (path, result = first, test = pays) => names.of({ name: 'a', contentType: 'text/plain' }, { path, size: 1, key: '' }, test, result);
  const ofBody = (name, contentType, result = first) => names.of({ name, contentType }, { body: Buffer.from('a'), size: 1 }, pays, result);
  const own = 'windows-11/cart-pay-pays-chromium';
  const copy = 'a'.repeat(40);
  for (const [name, wanted] of [
    [ofFile('/shop/results/cart-pay-pays-chromium/trace.zip'), `${own}/trace.zip`],
    [ofFile('/shop/results/cart-pay-pays-chromium/trace.zip'), `${own}/trace-2.zip`],
    [ofFile('/shop/results/cart-pay-pays-chromium/TRACE.zip'), `${own}/TRACE-3.zip`],
    [ofFile('/shop/results/cart-pay-pays-chromium-retry1/trace.zip', second), `${own}-retry1/trace.zip`],
    [ofFile(`/shop/results/cart-pay-pays-chromium/attachments/log-${copy}.txt`), `${own}/log.txt`],
    [ofFile('/elsewhere/server.log'), `${own}/server.log`],
    [ofFile('/elsewhere/a\nb.log'), `${own}/a-b.log`],
    [ofBody('screenshot', 'image/png'), `${own}/screenshot.png`],
    [ofBody('screenshot', 'image/png'), `${own}/screenshot-2.png`],
    [ofBody('answer.json', 'text/plain; charset=utf-8'), `${own}/answer.json`],
    [ofBody('a/b: c?', 'application/json; charset=utf-8'), `${own}/a-b- c-.json`],
    [ofBody('..', 'application/x-mine'), `${own}/attachment`],
  ]) assert.equal(name, wanted);
  const long = ofFile('/x/trace.zip', { retry: 0 }, testCase('a very long title '.repeat(10), { repeatEachIndex: 2 }));
  assert.match(long, /^windows-11\/cart-pay-a-very-long-[\w-]+-[0-9a-f]{5}-[\w-]+chromium-repeat2\/trace\.zip$/);
  const longest = ofFile(`/x/${'n'.repeat(240)}.${'e'.repeat(9)}`, { retry: 0 }, testCase('t', { project: 'p'.repeat(300) }));
  assert.ok(longest.length <= 255, longest);
});

test('what is secured stays as it was, and nothing of it stays when it is let go of', (t) => {
  const { KeptDirectory } = load('attachments/directory.ts');
  const { look, Safe } = load('attachments/secure.ts');
  const dir = directory(t);
  const kept = join(dir, '.runcast/r-12345678');
  const safe = new Safe(new KeptDirectory(kept));
  const read = ({ source }) => (typeof source === 'string' ? fs.readFileSync(source) : Buffer.from(source));
  const path = join(dir, 'file.bin');
  const held = [];
  for (const [name, size] of [['small', 1000], ['large', 1_000_000]]) {
    fs.writeFileSync(path, Buffer.alloc(size, 'a'));
    const secured = safe.secure(look({ path }), `dir/${name}`);
    assert.throws(() => safe.secure(look({ path }), `dir/${name}`), { code: 'EEXIST' });
    if (name === 'small') fs.writeFileSync(path, 'overwritten');
    fs.rmSync(path);
    assert.equal(read(secured).length, size);
    held.push(secured);
  }
  // More than 16 MiB do not stay in memory.
  const body = Buffer.alloc(9 * 1024 * 1024, 'b');
  for (const name of ['one', 'two']) held.push(safe.secure({ body, size: body.length }, name));
  assert.deepEqual(held.map(({ source }) => typeof source), ['string', 'string', 'object', 'string']);
  assert.equal(fs.statSync(kept).mode & 0o777, 0o700);
  assert.ok(held[2].keep() && fs.statSync(join(kept, 'one')).size === body.length);
  fs.rmSync(join(kept, 'one'));
  held.forEach((each) => each.release());
  assert.deepEqual(fs.readdirSync(kept), []);
  assert.equal(look({ path }), 'there is no such file');
  assert.equal(look({ path: dir }), 'it is a directory');
  assert.equal(look({}), 'it has neither a file nor a body');
});

test('a file on another file system is read although it was removed, and kept when the process ends', { skip: !fs.existsSync('/dev/shm') }, (t) => {
  const { KeptDirectory } = load('attachments/directory.ts');
  const { look, Safe } = load('attachments/secure.ts');
  const dir = directory(t);
  const shm = fs.mkdtempSync('/dev/shm/runcast-attachments-');
  t.after(() => fs.rmSync(shm, { recursive: true, force: true }));
  const kept = new KeptDirectory(join(dir, '.runcast/r-12345678'));
  const safe = new Safe(kept);
  const path = join(shm, 'file.bin');
  fs.writeFileSync(path, Buffer.alloc(500_000, 'c'));
  const held = Array.from({ length: 70 }, (_, number) => safe.secure(look({ path }), `file ${number}`));
  assert.equal(held.filter(({ source }) => source.startsWith('/proc/self/fd/')).length, 64, 'descriptors have a bound');
  fs.rmSync(path);
  for (const { source } of held) assert.equal(fs.readFileSync(source).length, 500_000);
  assert.ok(held[0].keep());
  assert.equal(fs.statSync(join(kept.path, 'file 0')).size, 500_000);
  held.forEach((each) => each.release());
});

test('a directory of another process is not used, and nothing of ours stays', (t) => {
  const { KeptDirectory } = load('attachments/directory.ts');
  const dir = directory(t);
  const [first, second] = [1, 2].map(() => new KeptDirectory(join(dir, '.runcast/r-12345678')));
  const files = [first, second].map((each) => each.place('a/b'));
  files.forEach((file) => fs.writeFileSync(file, 'x'));
  assert.equal(second.path, `${first.path}-2`);
  assert.equal(fs.readFileSync(join(dir, '.runcast/.gitignore'), 'utf8'), '*\n');
  first.remove(files[0]);
  first.tidy();
  assert.deepEqual(fs.readdirSync(join(dir, '.runcast')).sort(), ['.gitignore', 'r-12345678-2']);
  second.tidy();
  assert.ok(fs.existsSync(files[1]), 'what is in it stays');
  second.remove(files[1]);
  second.tidy();
  assert.deepEqual(fs.readdirSync(dir), []);
});

/** A queue whose uploads end when the test says so: `calls` are what was begun. */
function queue(upload) {
  const calls = [];
  const run = {
    upload: (source, options) => {
      const call = { source, options };
      const ended = new Promise((resolve, reject) => Object.assign(call, { resolve, reject }));
      options.signal.addEventListener('abort', () => call.reject(options.signal.reason));
      calls.push(call);
      upload?.(call);
      return ended;
    },
  };
  const uploads = new Uploads(run);
  const released = [];
  const push = (name, { size = 10, failed = false, contentType = 'text/plain' } = {}) => {
    const secured = { source: name, keep: () => true, release: () => released.push(name) };
    uploads.push({ name, contentType, isTrace: false, size, secured, testId: 't', result: { errors: failed ? [{}] : [] } });
  };
  return { uploads, calls, push, released, names: () => calls.map(({ source }) => source) };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what failed goes first, and neither small nor large files wait for the others', async () => {
  const { uploads, calls, push, released, names } = queue();
  const large = 5_000_000;
  push('large 1', { size: large });
  push('small 1');
  push('large 2', { size: large });
  push('small 2');
  push('small of a failed one', { failed: true });
  push('large of a failed one', { size: large, failed: true });
  assert.deepEqual(names(), ['large 1', 'small 1'], 'two at a time');
  calls[0].resolve();
  await turn();
  assert.deepEqual(names().slice(2), ['small of a failed one']);
  calls[1].resolve();
  await turn();
  for (const at of [2, 3]) calls[at].resolve();
  await turn();
  assert.deepEqual(new Set(names().slice(3)), new Set(['large of a failed one', 'large 2', 'small 2']));
  for (const at of [4, 5]) calls[at].resolve();
  await uploads.settle(60_000, 60_000);
  assert.equal(released.length, 6);
});

test('a refusal ends one upload or all, and what may pass later is kept', async () => {
  const { eventually } = await import('../../js/test/support/runcast.js');
  const answers = (status, code) => queue(({ reject }) => reject(new ApiError(status, code, 'detail')));
  for (const [status, code, left, requests] of [
    [413, 'artifact_too_large', 0, 3],
    [501, 'artifacts_off', 0, 2],
    [410, 'run_gone', 0, 2],
    [429, 'too_many_artifacts', 0, 2],
    [401, 'unauthorized', 3, 2],
  ]) {
    const { uploads, push, calls, released } = answers(status, code);
    for (const name of ['a', 'b', 'c']) push(name);
    await uploads.settle(60_000, 60_000);
    await turn();
    assert.deepEqual([uploads.end().length, released.length, calls.length], [left, 3 - left, requests], code);
  }
  const later = queue();
  later.push('a', { contentType: 'no\ntype' });
  assert.equal('contentType' in later.calls[0].options, false);
  later.push('b');
  later.calls[0].reject(new ApiError(503, 'storage_full', 'detail'));
  later.calls[1].reject(new TransportError('reset', 'broken'));
  await eventually(() => later.calls.length === 4);
  assert.deepEqual(later.names().sort(), ['a', 'a', 'b', 'b'], 'repeated');
  later.calls[2].reject(new Error('it can not be read'));
  await turn();
  assert.equal(later.uploads.end().length, 1);
  assert.equal(later.released.length, 1);
});

test('the end waits as long as bytes are sent, within a limit', async () => {
  const { uploads, calls, push } = queue();
  push('a');
  let began = performance.now();
  await uploads.settle(100, 10_000);
  assert.ok(performance.now() - began < 5_000, 'nothing was sent');
  let sent = 0;
  const timer = setInterval(() => calls[0].options.onProgress((sent += 1)), 10);
  began = performance.now();
  await uploads.settle(300, 1_000);
  const took = performance.now() - began;
  assert.ok(took >= 990 && took < 5_000, `${took} ms`);
  clearInterval(timer);
  // What an upload sends anew after its connection broke is no progress.
  const again = setInterval(() => calls[0].options.onProgress(1), 10);
  began = performance.now();
  await uploads.settle(100, 10_000);
  clearInterval(again);
  assert.ok(performance.now() - began < 5_000);
  assert.equal(uploads.end().length, 1);
});
