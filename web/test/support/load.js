// Modules of `src/`, for tests of their own: bundled anew, in memory, each with its own state.
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a module of `src/` exports: `await load('ui/ansi.ts')`. What it reads of the browser has to be there before. */
export async function load(name) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`src/${name}`],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'node20',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    alias: { '@runcast/client': `${root}../clients/js/dist/viewer.js` },
    logLevel: 'warning',
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}
