// Builds dist/, or with `--out DIR` the same files there: a script for each page, the parts that are loaded late, the
// worker, and the styles. Parts have a hash in their names; of the others the server makes one when it is built.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

const shared = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: ['chrome115', 'firefox115', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  alias: { '@runcast/client': join(root, '../clients/js/dist/viewer.js') },
  legalComments: 'none',
  charset: 'utf8',
  logLevel: 'warning',
};

/** Builds everything into a folder. */
export async function buildPages(out) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await build({ ...shared, entryPoints: { list: 'src/list/index.tsx', ops: 'src/ops/index.tsx', page: 'src/css/index.css' }, outdir: out });
  // Three files: the run's page, what it has in common with its later parts, and those.
  const entryPoints = { run: 'src/run/index.tsx' };
  await build({ ...shared, entryPoints, outdir: out, splitting: true, chunkNames: 'part-[hash]' });
  // A worker's policy lets it load no further script: it is one file.
  await build({ ...shared, entryPoints: { worker: 'src/worker/index.ts', diff: 'src/run/detail/diff.ts' }, outdir: out });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf('--out');
  await buildPages(at > 0 ? process.argv[at + 1] : join(root, 'dist'));
}
