// Builds dist/, or with `--out DIR` the same files there: one CommonJS bundle with the client in it, a module that wraps it,
// and the types.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = process.argv.indexOf('--out');
const out = at > 0 ? process.argv[at + 1] : join(root, 'dist');
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

await build({
  absWorkingDir: root,
  entryPoints: ['src/index.ts'],
  outfile: join(out, 'index.js'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  alias: { '@runcast/client': fileURLToPath(new URL('../../js/dist/index.js', import.meta.url)) },
  // Playwright takes the default export of what it requires.
  footer: { js: 'module.exports = Object.assign(module.exports.default, module.exports);' },
  legalComments: 'none',
  charset: 'utf8',
  logLevel: 'warning',
});
writeFileSync(join(out, 'index.mjs'), "import reporter from './index.js';\n\nexport default reporter;\n");

const types = join(out, '.types');
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', root, '--emitDeclarationOnly', '--outDir', types], { stdio: 'inherit' });
writeFileSync(join(out, 'options.d.ts'), readFileSync(join(types, 'options.d.ts')));
rmSync(types, { recursive: true });
