/** Bundle the widget into dist/, one file for each export of package.json. OUT: another folder. */

import { build } from 'esbuild'

await build({
  entryPoints: { 'latchkey-sign-in': 'src/index.js', steps: 'src/steps.js' },
  absWorkingDir: import.meta.dirname,
  outdir: process.env.OUT ?? 'dist',
  bundle: true,
  minify: true,
  charset: 'utf8',
  format: 'esm',
  target: ['chrome93', 'firefox92', 'safari15.4'], // Object.hasOwn; private methods
  logLevel: 'warning',
})
