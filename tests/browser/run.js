/**
 * Run the browser tests against a local stack of their own: `make browser`, or
 * `node run.js account.test.js` for some of them. `SCREENSHOTS=1` also takes the pictures for docs/.
 * `STACK=<home>` uses a stack that runs already (`python -m local --home ...`).
 *
 * `DISCOVERY=strict` runs strict.test.js instead, with AccountDiscovery=strict.
 *
 * This also checks the table in docs/sdk.md: it fails if the table differs from the results.
 * `WRITE=1` writes the table.
 */

import { build } from 'esbuild'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSocket } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { table } from './table.js'

const HERE = import.meta.dirname
const ROOT = dirname(dirname(HERE))
const BUILT = join(ROOT, '.local/browser-tests')
const DOCUMENT = join(ROOT, 'docs/sdk.md')
const VERSIONS = ['2.32.0', '3.7.0']
const discovery = process.env.DISCOVERY ?? 'cloudbase'
const began = Date.now()

const chromium = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync)
if (!chromium) {
  console.error('Chromium is missing. On Debian and Ubuntu: `apt-get install chromium`. Otherwise set CHROMIUM to its path.')
  process.exit(1)
}

const [pages, stranger, ...ports] = await freePorts(8)
const stack = await startStack()
await bundle(stack.api)
const servers = [servePages(pages), servePages(stranger)]

Object.assign(process.env, {
  API: stack.api,
  INBOX: stack.inbox,
  STACK_ENDPOINT: stack.endpoint,
  DESK: stack.desk,
  PAGES: `http://localhost:${pages}`,
  STRANGER: `http://localhost:${stranger}`,
  CHROMIUM: chromium,
  IMAGES: process.env.SCREENSHOTS ? join(ROOT, 'docs/images') : '',
})
const wanted = process.argv.slice(2)
const files = readdirSync(HERE).filter((name) => name.endsWith('.test.js') && (!wanted.length || wanted.includes(name)))
  .filter((name) => process.env.IMAGES || name !== 'pictures.test.js')
  .filter((name) => (name === 'strict.test.js') === (discovery === 'strict'))
const results = { passed: [], failed: [] }
const tests = run({ files: files.map((name) => join(HERE, name)), concurrency: 2 })
for (const [event, kind] of [['test:pass', 'passed'], ['test:fail', 'failed']]) {
  tests.on(event, ({ name, details, file, nesting }) => {
    if (details.type !== 'suite' && name !== file) results[kind].push({ name, ofMethod: nesting > 0 })
  })
}
tests.compose(new spec()).pipe(process.stdout)
await once(tests, 'end')

for (const server of servers) server.close()
await stack.stop()
if (!wanted.length && discovery === 'cloudbase') checkTable()
console.log(`\nbrowser tests took ${Math.round((Date.now() - began) / 1000)} s`)
console.log(`browser: ${results.passed.length} passed, ${results.failed.length} failed`)
process.exit(results.failed.length || !results.passed.length ? 1 : 0)

async function startStack() {
  if (process.env.STACK_API) {
    return { api: process.env.STACK_API, inbox: process.env.STACK_INBOX, endpoint: process.env.STACK_ENDPOINT, desk: process.env.STACK_DESK, stop: async () => {} }
  }
  const [api, inbox, smtp, smtps, ministack, desk] = ports
  const parameters = [
    `AllowedOrigins=http://localhost:${pages},https://another.example`,
    'CodeCooldownSeconds=0 CodesPerSourcePerHour=1000000 CodesPerAddressPerDay=1000',
    `AccountDiscovery=${discovery}`,
  ]
  const child = spawn(
    join(ROOT, '.venv/bin/python'),
    [
      ...['-m', 'local', '--fresh', '--home', join(ROOT, '.local/browser'), '--params', parameters.join(' ')],
      ...['--api-port', api, '--inbox-port', inbox, '--smtp-port', smtp, '--smtps-port', smtps],
      ...['--stack-port', ministack, '--desk-port', desk, '--web-port', '0'],
    ],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const stopped = once(child, 'exit')
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill('SIGTERM'))
  let deskPage // with the token, which only the terminal shows
  await new Promise((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      deskPage ??= /\bdesk +(http\S+)/.exec(line)?.[1]
      if (line === 'ready') resolve()
    })
    stopped.then(() => reject(new Error('the local stack has ended')))
  })
  return {
    api: `http://127.0.0.1:${api}`,
    inbox: `http://127.0.0.1:${inbox}`,
    endpoint: `http://127.0.0.1:${ministack}`,
    desk: deskPage,
    stop: () => child.kill('SIGTERM') && stopped,
  }
}

/** Bundle each version of the SDK as one script, and the sample page. */
async function bundle(api) {
  for (const version of VERSIONS) {
    await build({
      stdin: { contents: `import cloudbase from 'sdk-${version}'; window.cloudbase = cloudbase`, resolveDir: HERE },
      bundle: true,
      minify: true,
      outfile: join(BUILT, `${version}.js`),
      logLevel: 'error',
    })
  }
  await bundleWidget(api)
  const sample = join(ROOT, 'examples/web')
  execFileSync('node', ['build.js'], { cwd: sample, env: { ...process.env, API_URL: api, OUT: join(BUILT, 'sample') } })
}

/** Build the widget, and bundle each of its examples with what it was built to. */
async function bundleWidget(api) {
  const widget = join(ROOT, 'widget')
  execFileSync('node', ['build.js'], { cwd: widget })
  const examples = { html: ['main.js'], react: ['main.jsx'], vue: ['main.js'], 'mini-program': ['stand-in.js', 'sign-in.js'] }
  for (const [name, files] of Object.entries(examples)) {
    await build({
      stdin: { contents: files.map((file) => `import './${file}'`).join('\n'), resolveDir: join(widget, 'examples', name) },
      outfile: join(BUILT, 'widget', name, 'main.js'),
      bundle: true,
      minify: true,
      jsx: 'automatic',
      format: 'esm',
      define: { API_URL: JSON.stringify(api), 'process.env.NODE_ENV': '"production"' },
      alias: {
        '@cloudbase/js-sdk': join(HERE, `node_modules/sdk-${name === 'html' ? '3.7.0' : '2.32.0'}`),
        '@cloudbase/adapter-wx_mp': join(HERE, 'node_modules/@cloudbase/adapter-wx_mp'),
        'latchkey-sign-in/steps': join(widget, 'dist/steps.js'),
        'latchkey-sign-in': join(widget, 'dist/latchkey-sign-in.js'),
        vue: join(widget, 'node_modules/vue/dist/vue.esm-bundler.js'),
      },
      logLevel: 'error',
    })
    const page = name === 'html' ? readFileSync(join(widget, 'examples/html/index.html'), 'utf8') : '<!doctype html><html lang="en"><title>App</title><div id="app"></div><script type="module" src="main.js"></script>'
    writeFileSync(join(BUILT, 'widget', name, 'index.html'), page.replace('http://127.0.0.1:3000', api))
  }
}

/** Serve a blank page for each version, and the sample page under /sample/. */
function servePages(port) {
  const types = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css' }
  return createServer(({ url }, answer) => {
    const { pathname } = new URL(url, 'http://localhost')
    const path = pathname.endsWith('/') ? `${pathname}index.html` : pathname
    const version = path.match(/^\/(\d+\.\d+\.\d+)\.html$/)?.[1]
    answer.setHeader('content-type', types[path.split('.').pop()] ?? 'text/plain')
    if (version) return answer.end(blank(version))
    const file = join(BUILT, path)
    answer.setHeader('cache-control', 'max-age=3600') // so that the browser compiles the SDK once
    if (existsSync(file)) return answer.end(readFileSync(file))
    answer.writeHead(404).end()
  }).listen(port, 'localhost')
}

function blank(version) {
  return `<!doctype html><title>SDK ${version}</title><script src="${version}.js"></script><script>
  const given = new URLSearchParams(location.search)
  const api = new URL(given.get('api'))
  const app = cloudbase.init({ env: given.get('env'), endPointMode: 'CLOUD_API', lang: 'en-US' })
  app.registerEndPoint('//' + api.host, api.protocol)
  var auth = app.auth({ persistence: 'local' })
</script>`
}

async function freePorts(count) {
  const sockets = Array.from({ length: count }, () => createSocket().listen(0, '127.0.0.1'))
  await Promise.all(sockets.map((socket) => once(socket, 'listening')))
  const found = sockets.map((socket) => socket.address().port)
  await Promise.all(sockets.map((socket) => once(socket.close(), 'close')))
  return found
}

function checkTable() {
  const made = table(results)
  const kept = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, 'utf8') : ''
  const [head, rest = ''] = kept.split('<!-- tests -->\n')
  const [old, tail = ''] = rest.split('<!-- /tests -->\n')
  if (old === made) return
  if (process.env.WRITE) {
    writeFileSync(DOCUMENT, `${head}<!-- tests -->\n${made}<!-- /tests -->\n${tail}`)
    return console.log('docs/sdk.md was written')
  }
  console.error('\ndocs/sdk.md differs from these results: `make browser WRITE=1` writes it again.')
  results.failed.push({ name: 'docs/sdk.md' })
}
