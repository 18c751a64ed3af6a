// Builds dist/, or with `--out DIR` the same files there: a script for each page, the worker, the parts of both that are
// loaded late, and the styles. Parts have a hash in their names; of the others the server makes one when it is built.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
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

/**
 * What is loaded late imports the script that loads it: so all that a script needs first is in one part, and the script
 * itself imports that part and does nothing else. The server hands out the part in its place.
 */
const onePart = {
  name: 'one-part',
  setup(build) {
    build.onLoad({ filter: /\/later\.ts$/ }, ({ path }) => ({
      contents: `${readFileSync(path, 'utf8')}import './index.js';\n`,
      loader: 'ts',
    }));
  },
};

/** Builds everything into a folder. */
export async function buildPages(out) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const whole = { list: 'src/list/index.tsx', ops: 'src/ops/index.tsx', device: 'src/device/index.tsx', diff: 'src/run/detail/diff.ts', page: 'src/css/index.css' };
  await build({ ...shared, entryPoints: whole, outdir: out });
  const split = { ...shared, outdir: out, splitting: true, chunkNames: 'part-[hash]', plugins: [onePart] };
  // One after the other: page and worker have no part in common.
  await build({ ...split, entryPoints: { run: 'src/run/index.tsx' } });
  await build({ ...split, entryPoints: { worker: 'src/worker/index.ts' } });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf('--out');
  await buildPages(at > 0 ? process.argv[at + 1] : join(root, 'dist'));
}
