// How much script a browser loads before a run's page paints how the run is.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
/** Bytes of the page's script and its worker's together, compressed. */
const MOST = 80_000;

/** The files of a script: itself, and what it imports before it runs. */
function filesOf(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  const text = readFileSync(DIST + name, 'utf8');
  for (const [, file] of text.matchAll(/(?:\bfrom|\bimport)\s*"\.\/([\w-]+\.js)"/gu)) filesOf(file, found);
  return found;
}

const size = (name) => gzipSync(readFileSync(DIST + name), { level: 9 }).length;

test('page and worker load at most 80 KB of compressed script before the first paint', () => {
  const files = [...filesOf('run.js'), ...filesOf('worker.js')];
  const bytes = files.map((name) => [name, size(name)]);
  const all = bytes.reduce((sum, [, one]) => sum + one, 0);
  assert.ok(all <= MOST, `${all} bytes: ${JSON.stringify(Object.fromEntries(bytes))}`);
});

test('a script is one part, and what it loads late needs no other', () => {
  for (const name of ['run.js', 'worker.js']) {
    const [script, part, ...more] = filesOf(name);
    assert.equal(readFileSync(DIST + script, 'utf8').trim(), `import"./${part}";`, 'the server serves the part itself');
    assert.deepEqual(more, []);
    const late = [...readFileSync(DIST + part, 'utf8').matchAll(/import\("\.\/([\w-]+\.js)"\)/gu)].map(
      ([, file]) => file,
    );
    assert.equal(new Set(late).size, 1, `${late}`);
    for (const file of late) assert.deepEqual([...filesOf(file)], [file, part]);
  }
});
