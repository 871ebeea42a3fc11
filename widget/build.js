/** Bundle the widget into dist/, one file for each export of package.json. OUT: another folder. */

import { build } from 'esbuild'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** esbuild leaves text in templates as it is, so take the spaces out of the style. */
const squeezeStyle = {
  name: 'squeeze-style',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\bstyle\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replace(/`[^`]*`/g, (css) => css.replace(/\/\*.*?\*\/|\n/g, '').replace(/\s+/g, ' ').replace(/ ?([{};,]) ?|(?<=\w: *) /g, '$1')),
    })),
}

/** Bundle the words of the other languages as lists, in the order of the English ones: it saves a twentieth. */
const listWords = {
  name: 'list-words',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\bwords\/(de|es|fr|ja|zh-CN)\.js$/ }, async ({ path }) => {
      const [{ default: words }, { default: english }] = [await import(path), await import('./src/words/en.js')]
      return {
        contents: `import { named } from '../named.js'\nexport default named(${JSON.stringify(texts(words, english))})`,
        resolveDir: dirname(path),
      }
    }),
}

const texts = (words, like) => Object.keys(like).flatMap((key) => (words[key].length ? words[key] : texts(words[key], like[key])))

await build({
  entryPoints: { 'latchkey-sign-in': 'src/index.js', steps: 'src/steps.js' },
  absWorkingDir: import.meta.dirname,
  outdir: process.env.OUT ?? 'dist',
  bundle: true,
  minify: true,
  charset: 'utf8',
  format: 'esm',
  target: ['chrome93', 'firefox92', 'safari15.4'], // Object.hasOwn; private methods
  plugins: [squeezeStyle, listWords],
  logLevel: 'warning',
})
