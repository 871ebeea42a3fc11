/** Bundle the widget into dist/, one file for each export of package.json. OUT: another folder. */

import { build } from 'esbuild'
import { readFile } from 'node:fs/promises'

/** esbuild leaves text in templates as it is, so take the spaces out of the style. */
const squeezeStyle = {
  name: 'squeeze-style',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\bstyle\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replace(/`[^`]*`/g, (css) => css.replace(/\/\*.*?\*\/|\n/g, '').replace(/\s+/g, ' ').replace(/ ?([{};,]) ?|(?<=\w: *) /g, '$1')),
    })),
}

await build({
  entryPoints: { 'latchkey-sign-in': 'src/index.js', steps: 'src/steps.js' },
  absWorkingDir: import.meta.dirname,
  outdir: process.env.OUT ?? 'dist',
  bundle: true,
  minify: true,
  charset: 'utf8',
  format: 'esm',
  target: ['chrome93', 'firefox92', 'safari15.4'], // Object.hasOwn; private methods
  plugins: [squeezeStyle],
  logLevel: 'warning',
})
