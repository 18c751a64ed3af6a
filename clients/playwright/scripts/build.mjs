// Builds dist/, or with `--out DIR` the same files there: one CommonJS bundle with the client in it, a module that wraps it,
// and the types.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const client = join(root, '../js/dist');
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
  alias: {
    '@runcast/client/transport': join(client, 'transport-node.js'),
    '@runcast/client': join(client, 'index.js'),
  },
  // Playwright takes the default export of what it requires.
  footer: { js: 'module.exports = Object.assign(module.exports.default, module.exports);' },
  legalComments: 'none',
  charset: 'utf8',
  logLevel: 'warning',
});
writeFileSync(join(out, 'index.mjs'), "import reporter from './index.js';\n\nexport default reporter;\n");

// The class is declared by hand: its own types name the client's. Those that the options name come along.
const types = join(out, '.types');
const tsc = join(root, 'node_modules/typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', root, '--emitDeclarationOnly', '--outDir', types], { stdio: 'inherit' });
writeFileSync(join(out, 'options.d.ts'), readFileSync(join(types, 'options.d.ts'), 'utf8').replace('@runcast/client', './token.js'));
copyFileSync(join(client, 'token.d.ts'), join(out, 'token.d.ts'));
rmSync(types, { recursive: true });
for (const name of ['index.d.ts', 'index.d.mts']) copyFileSync(join(root, 'types', name), join(out, name));
