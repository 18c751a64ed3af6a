// Builds dist/, or with `--out DIR` the same files there: a script for each page, the worker, what is loaded late, and the
// styles. The names have no hash in them: the server puts one into their URLs.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const client = join(root, '../clients/js/dist');

/** Builds everything into a folder. */
export async function buildPages(out) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: {
      list: 'src/list/index.tsx',
      run: 'src/run/index.tsx',
      ops: 'src/ops/index.tsx',
      worker: 'src/worker/index.ts',
      diff: 'src/run/detail/diff.ts',
      page: 'src/css/index.css',
    },
    outdir: out,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome115', 'firefox115', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    alias: { '@runcast/client': join(client, 'index.js') },
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'warning',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf('--out');
  await buildPages(at > 0 ? process.argv[at + 1] : join(root, 'dist'));
}
