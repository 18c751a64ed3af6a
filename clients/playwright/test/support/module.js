// The modules of `src/`, for tests of their own: what they export need not be in the bundle.
const { builtinModules, createRequire } = require('node:module');
const { resolve } = require('node:path');

const { buildSync } = require('esbuild');

const ROOT = resolve(__dirname, '../..');

/** What a module of `src/` exports: `load('mask.ts')`. It is bundled anew, in memory, and has its own state each time. */
function load(name) {
  const file = resolve(ROOT, 'src', name);
  const { outputFiles } = buildSync({
    absWorkingDir: ROOT,
    entryPoints: [file],
    outfile: file.replace(/\.ts$/, '.cjs'),
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: builtinModules,
    alias: {
      '@runcast/client/transport': resolve(ROOT, '../js/dist/transport-node.js'),
      '@runcast/client': resolve(ROOT, '../js/dist/index.js'),
    },
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  const module = { exports: {} };
  const run = new Function('module', 'exports', 'require', '__filename', '__dirname', outputFiles[0].text);
  run(module, module.exports, createRequire(file), file, resolve(ROOT, 'src'));
  return module.exports;
}

module.exports = { load };
