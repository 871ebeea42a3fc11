/**
 * What the tests share: a browser, a page with the SDK, users and their mails, and direct calls of
 * the API, which show what the SDK's calls have changed on the server.
 */

import { chromium } from 'playwright-core'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { after, before, describe, test } from 'node:test'

/** The addresses of the stack and the pages. run.js sets them. */
export const { API, DESK, INBOX, PAGES, STACK_ENDPOINT, STRANGER } = process.env
export const VERSIONS = ['2.32.0', '3.7.0']
export const CLIENT = 'browser-test' // the SDK's env
export const PASSWORD = 'correct-horse-1'
export const OTHER_PASSWORD = 'battery-staple-2'

// As root, Chromium needs --no-sandbox. The other flags keep it from calling its maker's servers.
const FLAGS = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']
const ARGUMENTS = [...FLAGS, '--disable-component-update', '--disable-sync', '--no-sandbox']

let browser
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ARGUMENTS })
})
after(() => browser.close())

export const newContext = (options) => browser.newContext(options)

/**
 * Run the same tests with each version of the SDK. `add` is called with a function
 * `method(name, promise, body)`: the method of the SDK, what is tested of it, and the test. The test
 * is called with an App.
 */
export function withEachVersion(add) {
  for (const version of VERSIONS) {
    describe(version, () => {
      let context // one for all tests, so that the browser compiles the SDK once
      before(async () => (context = await browser.newContext()))
      after(() => context.close())
      add((name, promise, body) =>
        test(`${name}: ${promise}`, async () => {
          const app = await App.open(context, version)
          try {
            await body(app)
          } finally {
            await app.forget()
          }
        }),
      )
    })
  }
}

/** A blank page with another origin than the API. In it, `auth` is the SDK. */
export class App {
  static async open(context, version, origin = PAGES) {
    const page = await context.newPage()
    const app = new App(page, context, version)
    page.on('request', (request) => {
      if (request.url().startsWith(API)) app.requests.push(request)
    })
    await page.goto(`${origin}/${version}.html?api=${API}&env=${CLIENT}`)
    return app
  }

  constructor(page, context, version) {
    Object.assign(this, { page, context, version, requests: [] })
  }

  /** Reset the browser as if it had never been used. */
  async forget() {
    await this.context.unrouteAll()
    await this.context.setOffline(false)
    await this.page.evaluate(() => localStorage.clear())
    for (const page of this.context.pages()) await page.close()
  }

  /** Open another tab of the same browser. */
  tab() {
    return App.open(this.context, this.version)
  }

  /**
   * Call a function in the page. Its result comes back as plain data: an error has all its fields,
   * and a login state is null, because it holds the whole SDK. What it throws is thrown here.
   */
  async call(body, argument = null) {
    const outcome = await this.page.evaluate(`(async () => {
      const fields = (_, value) => value instanceof Error ? { ...value, name: value.name, message: value.message } : value
      const plain = (value) => value === undefined || value?.oauthInstance ? null : JSON.parse(JSON.stringify(value, fields))
      try { return { value: plain(await (${body})(${JSON.stringify(argument)})) } }
      catch (error) { return { thrown: plain(error) } }
    })()`)
    if (outcome.thrown) throw Object.assign(new Error('thrown in the page'), outcome.thrown)
    return outcome.value
  }

  /** Sign in on the page as a new user, and return what `newUser` returns. */
  async signedIn(options = {}) {
    const user = await newUser(options)
    if (options.password === null) await this.call(signInByCode(await startCode(user.email)), user)
    else await this.call(({ email, password }) => auth.signIn({ username: email, password }), user)
    user.session = await this.session()
    return user
  }

  /** Return the tokens that the SDK has stored, or null if there are none. */
  session() {
    return this.page.evaluate((key) => JSON.parse(localStorage.getItem(key)), `credentials_${CLIENT}`)
  }

  /** Make the SDK believe that the access token has expired, and reload the page. */
  async expire() {
    await this.page.evaluate((key) => {
      const kept = JSON.parse(localStorage.getItem(key))
      localStorage.setItem(key, JSON.stringify({ ...kept, expires_at: new Date(0) }))
    }, `credentials_${CLIENT}`)
    await this.page.reload()
  }

  /** Drop the answer to the next call of this path, after the server has done the work. */
  async loseAnswer(path) {
    let lost = 0
    await this.context.route(`${API}${path}*`, async (route) => {
      if (lost++) return route.continue()
      const answer = await route.fetch()
      assert.equal(answer.status(), 200, 'the server has done it')
      return route.abort()
    })
  }

  /** Return the calls of a path so far. */
  sent(path) {
    return this.requests.filter((request) => new URL(request.url()).pathname === path && request.method() !== 'OPTIONS')
  }
}

const signInByCode = ({ id, code }) =>
  `({ email }) => auth.signInWithEmail({ email, verificationCode: '${code}', verificationInfo: { verification_id: '${id}', is_user: true } })`

// --- Direct calls of the server ---------------------------------------------------------------------

/** Return an address that nobody has used. */
export const newAddress = () => `user-${randomUUID()}@example.com`
export const newUsername = () => `u_${randomUUID().slice(0, 18)}`

/** Call the API without the SDK, and return {status, body}. */
export async function ask(method, path, { body, token, device = 'direct' } = {}) {
  const answer = await fetch(`${API}/auth${path}`, {
    method,
    headers: { 'x-device-id': device, ...(token && { authorization: `Bearer ${token}` }) },
    body: body && JSON.stringify(body),
  })
  return { status: answer.status, body: await answer.json() }
}

async function ok(method, path, options) {
  const { status, body } = await ask(method, path, options)
  assert.equal(status, 200, `${method} ${path}: ${JSON.stringify(body)}`)
  return body
}

/** Create a user; `password: null` makes one without a password. */
export async function newUser({ password = PASSWORD, username, name, address } = {}) {
  const email = address ?? newAddress()
  const { verification_token } = await proveAddress(email)
  const body = { email, verification_token, username, name, ...(password && { password }) }
  const { sub, access_token } = await ok('POST', `/v1/signup?client_id=${CLIENT}`, { body })
  return { email, password, username, name, sub, elsewhere: access_token }
}

/** Ask for a code and read it from the mail. */
export async function startCode(email) {
  const before = (await mailsTo(email, CODE)).length
  const { verification_id } = await ok('POST', '/v1/verification', { body: { email } })
  return { id: verification_id, code: await codeFor(email, { mails: before + 1 }) }
}

export async function proveAddress(email) {
  const { id, code } = await startCode(email)
  return ok('POST', '/v1/verification/verify', { body: { verification_id: id, verification_code: code } })
}

/** The subjects of notices, in the two languages of the tests. */
export const NOTICES = {
  address: /address .* was changed|邮箱已更换/,
  password: /password was changed|密码已修改/,
  deletion: /was deleted|已注销/,
}
const CODE = /\b\d{6}\b/ // only the subjects of mails with a code have this

/** Wait for so many mails with a code to an address, and return the code of the newest. */
export async function codeFor(email, options) {
  const { subject } = await mailTo(email, { ...options, subject: CODE })
  return subject.match(CODE)[0]
}

/** Wait for so many mails to an address whose subject matches, and return the newest. */
export async function mailTo(email, { mails = 1, subject = /./, patience = 400 } = {}) {
  for (let left = patience; left; left--) {
    const found = await mailsTo(email, subject)
    if (found.length >= mails) return found[0]
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`no such mail to ${email}`)
}

async function mailsTo(email, subject) {
  const mails = await (await fetch(`${INBOX}/mails?to=${encodeURIComponent(email)}`)).json()
  return mails.filter((mail) => subject.test(mail.subject))
}

/** Return what the picture of a captcha shows, by the token that came with it. */
export function textOf(token) {
  const root = dirname(dirname(import.meta.dirname))
  return execFileSync(`${root}/.venv/bin/python`, ['-m', 'tests.captchas', STACK_ENDPOINT, token], { cwd: root, encoding: 'utf8' })
}

/** Let strangers use up the half of an account's failures that needs no captcha. */
export async function useUpHalf(email) {
  const guess = () => ask('POST', '/v1/signin', { body: { username: email, password: 'wrong-horse-1' }, device: randomBytes(16).toString('hex') })
  const answers = await Promise.all(Array.from({ length: 10 }, guess))
  assert.deepEqual(new Set(answers.map(({ body }) => body.error)), new Set(['invalid_username_or_password']))
}

/** Return whether a name and a password sign in. */
export async function opens(username, password) {
  const { status } = await ask('POST', `/v1/signin?client_id=${CLIENT}`, { body: { username, password } })
  return status === 200
}

/** Return the profile of an access token's user, or null if its session has ended. */
export async function profile(token) {
  const { status, body } = await ask('GET', '/v1/user/me', { token })
  return status === 200 ? body : null
}

/** Return what axe-core objects to on a page, as `rule: element`. The HTML of mails is not ours to judge here. */
export async function violations(page) {
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'))
  const found = await page.evaluate(() => axe.run({ exclude: ['iframe'] }))
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}
