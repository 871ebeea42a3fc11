/** The widget as others use it: as a package, in a plain page, in React, in Vue, and its steps in a mini-program. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { API, codeFor, mailTo, newAddress, newContext, newUser, opens, PAGES, PASSWORD, violations } from './support.js'

const WIDGET = join(import.meta.dirname, '../../widget')
const run = promisify(execFile)

/** Open an example in a browser of its own. Only its own files and the API may be asked for anything. */
async function visit(example, use, options) {
  const context = await newContext({ locale: 'en-US', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const faults = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('request', (request) => {
    const { origin } = new URL(request.url())
    if (![new URL(API).origin, PAGES, 'null'].includes(origin)) faults.push(request.url())
  })
  await page.goto(`${PAGES}/widget/${example}/`)
  try {
    await use(page)
    assert.deepEqual(faults, [])
  } finally {
    await context.close()
  }
}

/** Fill in the fields of the widget's open view, and send it. */
async function submit(page, view, fields) {
  const form = page.locator(`[data-view=${view}] form`)
  for (const [name, value] of Object.entries(fields)) await form.locator(`[name=${name}]`).fill(value)
  await form.locator('button:not([type=button])').click()
}

test('the package has what it should, and no more', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: WIDGET })
  const [{ files }] = [JSON.parse(stdout)].flat().map((one) => one.files ? one : Object.values(one)[0])
  assert.deepEqual(files.map(({ path }) => path).sort(), [
    'README.md', 'dist/latchkey-sign-in.js', 'dist/steps.js', 'package.json', 'types/latchkey-sign-in.d.ts', 'types/steps.d.ts',
  ])
})

test('the widget is one file without imports, under 15 KB compressed', async () => {
  const built = await readFile(join(WIDGET, 'dist/latchkey-sign-in.js'))
  assert.ok(gzipSync(built, { level: 9 }).length < 15_000, `${gzipSync(built, { level: 9 }).length} bytes`)
  assert.doesNotMatch(built.toString(), /\bimport\b[^.]*["']|https?:\/\/(?!www\.w3\.org\/2000\/svg)/)
})

test('the types fit what programs do with the widget', async () => {
  await run(process.execPath, [join(WIDGET, 'node_modules/typescript/bin/tsc'), '-p', join(WIDGET, 'examples/types')])
})

test('all languages have the same words, and the same values in them', async () => {
  for (const folder of [join(WIDGET, 'src/words'), join(WIDGET, '../examples/web/src/words')]) {
    const shapes = await Promise.all(['en', 'zh-CN', 'ja', 'es', 'de', 'fr'].map(async (name) => shape((await import(join(folder, `${name}.js`))).default)))
    for (const each of shapes) assert.deepEqual(each, shapes[0])
  }
})

/** Return each text's `{names}` in place of the text. */
const shape = (words) =>
  Object.fromEntries(
    Object.entries(words)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, text]) => [key, typeof text === 'string' ? (text.match(/\{\w+\}/g) ?? []).sort() : shape(text)]),
  )

test('a code is found in what is typed or pasted, and nothing else is', async () => {
  const { findCode } = await import(join(WIDGET, 'src/code.js'))
  const found = {
    123456: ['123456', ' 123 456 ', '123-456', '１２３４５６', 'Your code: 123456.', '验证码：123456，10 分钟内有效', 'order 12345, code 123456', 'to ada-987654@example.com\n123456', 'https://example.com/987654 is not 123456', 'phone +987654321, code 123 456'],
    '0012345678': ['0012345678', 'Ref 999999\n\n@example.com #0012345678'],
    '': ['', '12345', 'abcdef', 'a123456', '12345678901234567'],
  }
  for (const [code, texts] of Object.entries(found)) for (const text of texts) assert.equal(findCode(text), code, text)
})

test('plain HTML: registers, with slots, parts and variables, and signs out', () =>
  visit('html', async (page) => {
    const email = newAddress()
    await page.getByText('The plain page').waitFor()
    const style = (part, name) => page.locator(`[part~=${part}]`).first().evaluate((it, property) => getComputedStyle(it)[property], name)
    assert.equal(await style('primary', 'backgroundColor'), 'rgb(59, 76, 202)')
    assert.equal(await style('heading', 'textAlign'), 'center')
    const told = page.waitForEvent('console', (message) => message.text().startsWith('signed in'))
    await page.getByRole('button', { name: 'Create an account' }).click()
    await page.getByText('By going on you accept').waitFor()
    await submit(page, 'register', { email })
    await submit(page, 'code', { code: await codeFor(email), password: PASSWORD })
    await page.getByText(`You are signed in as ${email}.`).waitFor()
    await told
    assert.equal(await opens(email, PASSWORD), true)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('You are signed out.').waitFor()
    // The attributes change it where it stands.
    await page.locator('latchkey-sign-in').evaluate((it) => {
      it.setAttribute('language', 'ja')
      it.setAttribute('view', 'forgot')
      it.setAttribute('theme', 'dark')
    })
    await submit(page, 'forgot', { email })
    await page.getByRole('heading', { name: '確認コードを入力' }).waitFor()
    assert.match((await mailTo(email, { subject: /コード/ })).subject, /コード/)
    assert.deepEqual(await violations(page), [])
  }))

for (const framework of ['react', 'vue']) {
  test(`${framework}: takes the SDK's auth, and hears of the user`, () =>
    visit(framework, async (page) => {
      const user = await newUser()
      await submit(page, 'sign-in', { username: user.email, password: 'wrong-horse-1' })
      await page.getByText('Address or password is wrong.').waitFor()
      await submit(page, 'sign-in', { username: user.email, password: PASSWORD })
      await page.getByText(`Hello ${user.email}`).waitFor()
      await page.reload()
      await page.getByText(`Hello ${user.email}`).waitFor()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.locator('[data-view=sign-in]').waitFor()
    }))
}

test('a mini-program signs in through the SDK’s adapter', () =>
  visit('mini-program', async (page) => {
    const user = await newUser()
    const call = (method, fields) => page.evaluate(async ([name, values]) => {
      globalThis.page.setData(values)
      await globalThis.page[name]()
      return globalThis.page.data
    }, [method, fields])
    assert.match((await call('mailCode', { email: newAddress() })).message, /没有注册/)
    assert.equal((await call('mailCode', { email: user.email })).step, 'code')
    const code = await codeFor(user.email, { mails: 2 })
    assert.match((await call('redeem', { code: code === '000000' ? '000001' : '000000' })).message, /验证码错误/)
    const { step, email } = await call('redeem', { code })
    assert.deepEqual([step, email], ['signed-in', user.email])
  }))
