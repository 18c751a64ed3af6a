// The modules of `src/`, for tests: they are bundled in memory.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { buildSync } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What a module of `src/` exports: `await load('fold/index.ts')`. It has its own state each time. */
export async function load(name) {
  const { outputFiles } = buildSync({
    absWorkingDir: ROOT,
    entryPoints: [resolve(ROOT, 'src', name)],
    bundle: true,
    write: false,
    platform: 'neutral',
    target: 'es2022',
    format: 'esm',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}
