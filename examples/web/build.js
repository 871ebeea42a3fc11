/**
 * Bundle the page into dist/. With --serve, serve it too, and bundle it again at each reload.
 *
 * Environment: API_URL is the address of Latchkey; PASSWORD_POLICY is its PasswordPolicy; WEB_PORT is
 * the port of the page; OUT is the folder to write to, instead of dist/; SDK is the package to use
 * instead of @cloudbase/js-sdk.
 */

import { context } from 'esbuild'
import { mkdir, readFile, writeFile } from 'node:fs/promises'

const { API_URL = 'http://127.0.0.1:3000', PASSWORD_POLICY = 'cloudbase', WEB_PORT = '3080', OUT = 'dist', SDK } = process.env
const sdk = SDK ?? '@cloudbase/js-sdk'

process.chdir(import.meta.dirname)
await mkdir(OUT, { recursive: true })
const page = await readFile('index.html', 'utf8')
const values = { API_URL: new URL(API_URL).origin, PASSWORD_POLICY }
await writeFile(`${OUT}/index.html`, page.replaceAll(/%(\w+)%/g, (_, name) => values[name]))

const bundling = await context({
  entryPoints: ['src/app.js', 'src/style.css'],
  outdir: OUT,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome93', 'firefox92', 'safari15.4'],
  define: { API_URL: JSON.stringify(API_URL) },
  alias: { '@cloudbase/js-sdk': sdk, 'latchkey-sign-in': '../../widget/src/index.js' },
  logLevel: 'warning',
})
await bundling.rebuild()

if (process.argv.includes('--serve')) {
  await bundling.serve({ host: '127.0.0.1', port: Number(WEB_PORT), servedir: OUT })
  console.log(`page   http://localhost:${WEB_PORT}`)
  process.stdin.on('end', () => process.exit()).resume() // end when the parent process ends
} else {
  await bundling.dispose()
}
